"""The positions of a block with each kind, placeholder and rare title.

They overlap as the docstring of ``profile`` lists.
"""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from emulator.dataset.generators import texts
from emulator.dataset.profile import (
    BLOCK,
    FAILED,
    FIXED_POSITION,
    IMAGE,
    IMAGES_NOT_DOWNLOADED,
    NO_DESCRIPTIONS,
    NO_TAGS_OF_OTHERS,
    NULL_TYPE_POSITIONS,
    RARE_TITLES,
    STORIES,
    STORIES_WITHOUT_IMAGE,
    STORY,
    TITLES_WITH_NEWLINE,
    TITLES_WITH_QUOTES,
    VIDEO,
    VIDEOS,
)


@dataclass(frozen=True, slots=True)
class Layout:
    """Positions, 0 to 11,153, by the content of their rows."""

    kinds: list[str | None]
    """is_image_or_video of each position."""
    failed: frozenset[int]
    no_description: frozenset[int]
    no_tags: frozenset[int]
    no_image: frozenset[int]
    not_downloaded: frozenset[int]
    titles: dict[int, Callable[[str], str]]
    """Changes of the title at the few positions with a rare one."""


def layout(seed: int, block: int) -> Layout:
    """Draw the layout of one block."""
    random = Random(f"layout:{seed}:{block}")
    fixed = {FIXED_POSITION, *NULL_TYPE_POSITIONS}
    pool = [position for position in range(BLOCK) if position not in fixed]
    random.shuffle(pool)
    failed, pool = [FIXED_POSITION, *pool[: FAILED - 1]], pool[FAILED - 1 :]
    stories, rest = pool[: STORIES - FAILED], pool[STORIES - FAILED :]
    videos, images = rest[:VIDEOS], rest[VIDEOS:]

    kinds: list[str | None] = [IMAGE] * BLOCK
    for kind, positions in (
        (STORY, failed + stories),
        (VIDEO, videos),
        (None, NULL_TYPE_POSITIONS),
    ):
        for position in positions:
            kinds[position] = kind
    no_image = failed + stories[:STORIES_WITHOUT_IMAGE]
    return Layout(
        kinds=kinds,
        failed=frozenset(failed),
        no_description=frozenset(random.sample(rest, NO_DESCRIPTIONS)),
        no_tags=frozenset(failed + random.sample(pool, NO_TAGS_OF_OTHERS)),
        no_image=frozenset(no_image),
        not_downloaded=frozenset(
            [*no_image, *NULL_TYPE_POSITIONS, *images[:IMAGES_NOT_DOWNLOADED]]
        ),
        titles=_titles(pool, random),
    )


def _titles(pool: list[int], random: Random) -> dict[int, Callable[[str], str]]:
    changes: list[Callable[[str], str]] = [texts.with_newline] * TITLES_WITH_NEWLINE
    changes += [texts.with_quotes] * TITLES_WITH_QUOTES
    for title, posts in RARE_TITLES:
        changes += [_always(title)] * posts
    return dict(zip(random.sample(pool, len(changes)), changes, strict=True))


def _always(title: str) -> Callable[[str], str]:
    return lambda _: title
