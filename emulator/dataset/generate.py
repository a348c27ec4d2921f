"""The rows of the source database, block by block.

The seed determines everything: the bytes of a block are the same on any machine, with or without
the blocks before it. Every block has the same profile (the figures of categories, placeholders and
posters' sizes); all positions but the fixed ones are drawn for each block. Posters, unique_id and
timestamp never repeat, except that the failed rows of all blocks share one poster with its place
and person. Row 7528 is fixed in the first block.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

from contract.entities import GEO, PIN, USER, Entity
from emulator.dataset.generators import texts
from emulator.dataset.generators.layout import Layout, layout
from emulator.dataset.generators.people import Person, draws, minimum
from emulator.dataset.generators.posters import FAILED_POSTER, Poster, posters
from emulator.dataset.generators.timestamps import Timestamps
from emulator.dataset.profile import (
    BLOCK,
    CATEGORIES,
    FIXED_POSITION,
    FIXED_UNIQUE_ID,
    NO_DESCRIPTION,
    NO_IMAGE,
    NO_TAGS,
    NO_TITLE,
    STORY,
    STORY_DESCRIPTION,
)

Row = dict[str, Any]
"""One row of a source table: a Python value for each of its columns."""

_CATEGORY_OF = tuple(category for category, posts in CATEGORIES for _ in range(posts))


@dataclass(frozen=True, slots=True)
class Block:
    """11,154 posts: the rows of each table in key order."""

    pin: list[Row]
    geo: list[Row]
    user: list[Row]

    def rows(self, entity: Entity) -> list[Row]:
        """The rows of one entity's table."""
        return {PIN: self.pin, GEO: self.geo, USER: self.user}[entity]


def blocks(scale: int = 1, seed: int = 100) -> Iterator[Block]:
    """Generate ``scale`` blocks; only one is in memory at a time."""
    timestamps = Timestamps(seed)
    for number in range(scale):
        yield block(number, seed, timestamps)


def block(number: int, seed: int, timestamps: Timestamps) -> Block:
    """Generate block ``number``, whose first key is ``number * 11154``."""
    positions = layout(seed, number)
    poster_of = assign(posters(seed, number), positions, Random(f"assign:{seed}:{number}"))
    person_of = people(draws(seed, number, sorted(positions.failed)), poster_of)
    random = Random(f"pins:{seed}:{number}")
    first = number * BLOCK
    keys = range(first, first + BLOCK)
    pin = [_pin(key, key - first, poster_of[key - first], positions, random) for key in keys]
    if number == 0:
        pin[FIXED_POSITION]["unique_id"] = FIXED_UNIQUE_ID
    drawn = [
        {"ind": key, "timestamp": timestamps(key), **person._asdict()}
        for key, person in zip(keys, person_of, strict=True)
    ]
    return Block(pin, _columns(GEO, drawn), _columns(USER, drawn))


def assign(named: list[Poster], positions: Layout, random: Random) -> list[Poster]:
    """Return the poster of each position of a block; a poster has ``Poster.posts`` positions."""
    free = [position for position in range(BLOCK) if position not in positions.failed]
    random.shuffle(free)
    poster_of = [FAILED_POSTER] * BLOCK
    next_free = iter(free)
    for poster in named:
        for _ in range(poster.posts):
            poster_of[next(next_free)] = poster
    return poster_of


def people(drawn: list[Person], poster_of: list[Poster]) -> list[Person]:
    """Return for each position the column-wise minimum over the posts of its poster."""
    posts: dict[str, list[Person]] = defaultdict(list)
    for poster, person in zip(poster_of, drawn, strict=True):
        posts[poster.name].append(person)
    least = {name: minimum(persons) for name, persons in posts.items()}
    return [least[poster.name] for poster in poster_of]


def _columns(entity: Entity, drawn: list[Row]) -> list[Row]:
    names = entity.column_names
    return [{name: row[name] for name in names} for row in drawn]


def _pin(key: int, position: int, poster: Poster, positions: Layout, random: Random) -> Row:
    category = _CATEGORY_OF[position]
    kind = positions.kinds[position]
    # Drawn for every row, used or not, so that no row's text depends on other rows' placeholders.
    title, description = texts.title(category, random), texts.description(category, random)
    tags, image = texts.tags(category, random), texts.image(random)
    unique_id = texts.unique_id(random)
    if position in positions.failed:
        title = NO_TITLE
    elif position in positions.titles:
        title = positions.titles[position](title)
    if kind == STORY:
        description = STORY_DESCRIPTION
    elif position in positions.no_description:
        description = NO_DESCRIPTION
    image_src: str | None = NO_IMAGE if position in positions.no_image else image
    return {
        "index": key,
        "unique_id": unique_id,
        "title": title,
        "description": description,
        "poster_name": poster.name,
        "follower_count": poster.follower_count,
        "tag_list": NO_TAGS if position in positions.no_tags else tags,
        "is_image_or_video": kind,
        "image_src": image_src if kind else None,
        "downloaded": int(position not in positions.not_downloaded),
        "save_location": f"Local save in /data/{category}",
        "category": category,
    }
