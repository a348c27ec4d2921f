"""Place and person of each post, drawn and reduced to a minimum as in the original.

Every post drew values from Faker; then each column became the minimum of that column over
the posts of the same poster. So geo and user rows are constant per poster, and busy posters
gather at the start of the alphabet, at age 20 and at the earliest day.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from itertools import accumulate
from random import Random
from typing import Any, NamedTuple

from faker.providers.address.en_US import Provider as Addresses
from faker.providers.person.en_US import Provider as Names

from emulator.dataset.profile import AGES, BLOCK, FIXED_POSITION, JOINED

# Faker renamed the country after the original was made.
COUNTRIES = tuple(
    sorted({"Macedonia" if c == "North Macedonia" else c for c in Addresses.countries})
)
"""The 243 countries of Faker's English list."""

_FIRST = tuple(sorted(Names.first_names.items()))
_LAST = tuple(sorted(Names.last_names.items()))
_JOINED_SECONDS = int((JOINED[1] - JOINED[0]).total_seconds())


class Person(NamedTuple):
    """The columns of geo and user that are constant per poster."""

    latitude: float
    longitude: float
    country: str
    first_name: str
    last_name: str
    age: int
    date_joined: datetime


FIXED_PERSON = Person(
    -89.9787, -173.293, "Albania", "Abigail", "Ali", 20, datetime(2015, 10, 24, 11, 23, 51)
)
"""The values of the example row, which are the minimum over all posts of its poster."""


def draws(seed: int, block: int, failed: Sequence[int]) -> list[Person]:
    """The values that each post of a block draws, before the minimum.

    Args:
        seed: seed of the dataset.
        block: number of the block, from 0.
        failed: positions of the rows of the failed poster. They draw nothing below
            ``FIXED_PERSON``, and the one at ``FIXED_POSITION`` draws exactly that, so that the
            example row is the minimum of its poster in every block.
    """
    random = Random(f"people:{seed}:{block}")
    uniform = random.random
    first = _weighted(_FIRST, random)
    last = _weighted(_LAST, random)
    start = JOINED[0]
    least, greatest = AGES
    found = [
        Person(
            _six_digits(uniform() * 180 - 90),
            _six_digits(uniform() * 360 - 180),
            COUNTRIES[int(uniform() * len(COUNTRIES))],
            first[position],
            last[position],
            least + int(uniform() * (greatest - least + 1)),
            start + timedelta(seconds=int(uniform() * (_JOINED_SECONDS + 1))),
        )
        for position in range(BLOCK)
    ]
    for position in failed:
        found[position] = _by_column(max, (found[position], FIXED_PERSON))
    found[FIXED_POSITION] = FIXED_PERSON
    return found


def minimum(posts: Sequence[Person]) -> Person:
    """The minimum of each column; texts compare by code point."""
    return posts[0] if len(posts) == 1 else _by_column(min, posts)


def _by_column(choose: Callable[[Iterable[Any]], Any], persons: Iterable[Person]) -> Person:
    return Person(*map(choose, zip(*persons, strict=True)))


def _weighted(names: Sequence[tuple[str, float]], random: Random) -> list[str]:
    return random.choices(
        [name for name, _ in names],
        cum_weights=list(accumulate(weight for _, weight in names)),
        k=BLOCK,
    )


def _six_digits(value: float) -> float:
    return float(f"{value:.6g}")
