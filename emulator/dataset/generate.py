"""The rows of the source database, block by block.

Everything follows from the seed: a block's rows are the same bytes on any machine, and the
same whether or not the blocks before it were made. From one block to the next the profile
repeats (categories, placeholders and posters' sizes at the same figures, the positions
drawn again but for the fixed ones); what a row says does not: posters, unique_id and
timestamp are other ones throughout. Only the failed rows of all blocks share a poster, and
with it its place and person. Row 7528 is fixed in the first block.
"""

from __future__ import annotations

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
    """Make ``scale`` blocks, one at a time; only one is in memory."""
    timestamps = Timestamps(seed)
    for number in range(scale):
        yield block(number, seed, timestamps)


def block(number: int, seed: int, timestamps: Timestamps) -> Block:
    """Make block ``number``, whose first key is ``number * 11154``."""
    where = layout(seed, number)
    poster_of = assign(posters(seed, number), where, Random(f"assign:{seed}:{number}"))
    person_of = people(draws(seed, number, sorted(where.failed)), poster_of)
    random = Random(f"pins:{seed}:{number}")
    first = number * BLOCK
    keys = range(first, first + BLOCK)
    pin = [_pin(key, key - first, poster_of[key - first], where, random) for key in keys]
    if number == 0:
        pin[FIXED_POSITION]["unique_id"] = FIXED_UNIQUE_ID
    drawn = [
        {"ind": key, "timestamp": timestamps(key), **person._asdict()}
        for key, person in zip(keys, person_of, strict=True)
    ]
    return Block(pin, _columns(GEO, drawn), _columns(USER, drawn))


def assign(found: list[Poster], where: Layout, random: Random) -> list[Poster]:
    """Give each position of a block its poster: each as many posts as its size says."""
    places = [position for position in range(BLOCK) if position not in where.failed]
    random.shuffle(places)
    poster_of = [FAILED_POSTER] * BLOCK
    taken = iter(places)
    for poster in found:
        for _ in range(poster.posts):
            poster_of[next(taken)] = poster
    return poster_of


def people(drawn: list[Person], poster_of: list[Poster]) -> list[Person]:
    """Give each position the column-wise minimum over the posts of its poster."""
    posts: dict[str, list[Person]] = defaultdict(list)
    for poster, person in zip(poster_of, drawn, strict=True):
        posts[poster.name].append(person)
    least = {name: minimum(persons) for name, persons in posts.items()}
    return [least[poster.name] for poster in poster_of]


def _columns(entity: Entity, drawn: list[Row]) -> list[Row]:
    names = entity.column_names
    return [{name: row[name] for name in names} for row in drawn]


def _pin(key: int, position: int, poster: Poster, where: Layout, random: Random) -> Row:
    category = _CATEGORY_OF[position]
    kind = where.kinds[position]
    # Drawn for every row, used or not: a row's text then doesn't depend on other rows' holes.
    title, description = texts.title(category, random), texts.description(category, random)
    tags, image = texts.tags(category, random), texts.image(random)
    unique_id = texts.unique_id(random)
    if position in where.failed:
        title = NO_TITLE
    elif position in where.titles:
        title = where.titles[position](title)
    if kind == STORY:
        description = STORY_DESCRIPTION
    elif position in where.no_description:
        description = NO_DESCRIPTION
    image_src: str | None = NO_IMAGE if position in where.no_image else image
    return {
        "index": key,
        "unique_id": unique_id,
        "title": title,
        "description": description,
        "poster_name": poster.name,
        "follower_count": poster.follower_count,
        "tag_list": NO_TAGS if position in where.no_tags else tags,
        "is_image_or_video": kind,
        "image_src": image_src if kind else None,
        "downloaded": int(position not in where.not_downloaded),
        "save_location": f"Local save in /data/{category}",
        "category": category,
    }
