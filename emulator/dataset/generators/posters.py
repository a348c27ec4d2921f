"""The posters of a block: names, follower counts and how many posts each has."""

from dataclasses import dataclass
from random import Random

from emulator.dataset.generators import words
from emulator.dataset.profile import (
    BLOCK,
    FAILED,
    FOLLOWER_FORMS,
    NO_USER,
    POSTER_NAME_LENGTH,
    POSTER_SIZES,
    POSTERS,
)

_NAMED = POSTERS - 1
_COMBINATIONS = len(words.POSTER_FIRST) * len(words.POSTER_SECOND) * len(words.POSTER_THIRD)


@dataclass(frozen=True, slots=True)
class Poster:
    """One poster, with the values that all its posts share."""

    name: str
    follower_count: str
    posts: int


FAILED_POSTER = Poster(NO_USER, NO_USER, FAILED)
"""The poster of every failed row, in every block."""


def posters(seed: int, block: int) -> list[Poster]:
    """The posters of one block, the busiest first, without ``FAILED_POSTER``."""
    random = Random(f"posters:{seed}:{block}")
    offset = Random(f"poster names:{seed}").randrange(_COMBINATIONS)
    sizes = [posts for posts, count in POSTER_SIZES for _ in range(count)]
    sizes.remove(FAILED)
    sizes.sort(reverse=True)
    # The shares of the follower forms count posts, and a few busy posters have many of them: a form
    # is drawn with the number of posts that it still lacks as its weight.
    lacking = [share * BLOCK for _, share, _ in FOLLOWER_FORMS]
    found = []
    for number, posts in enumerate(sizes):
        form = random.choices(range(len(lacking)), [max(lack, 1e-9) for lack in lacking])[0]
        lacking[form] -= posts
        name = _decorated(_name(block * _NAMED + number, offset), number, random)
        found.append(Poster(name, _followers(form, random), posts))
    return found


def _name(number: int, offset: int) -> str:
    """A name that is unique over all blocks."""
    # An odd step over a power of two visits every combination once; after that a numeral is added.
    rest = (number * 9973 + offset) % _COMBINATIONS
    rest, third = divmod(rest, len(words.POSTER_THIRD))
    first, second = divmod(rest, len(words.POSTER_SECOND))
    parts = [words.POSTER_FIRST[first], words.POSTER_SECOND[second], words.POSTER_THIRD[third]]
    if number >= _COMBINATIONS:
        parts.append(str(number // _COMBINATIONS + 1))
    return " ".join(parts)


def _decorated(name: str, number: int, random: Random) -> str:
    """Add noise that contains no letter of a plain name, so that names stay distinct."""
    if number == _NAMED - 1:
        tail = f" | {' | '.join(words.POSTER_SECOND)}" * 2
        return (name + tail)[:POSTER_NAME_LENGTH].ljust(POSTER_NAME_LENGTH, "!")
    draw = random.random()
    if draw < 0.02:
        return name + " " * random.randint(1, 3)
    if draw < 0.06:
        return f"{name} | {random.choice(words.POSTER_SECOND)}"
    if draw < 0.09:
        return f"{name} {random.choice(words.EMOJI)}"
    if draw < 0.10:
        return f"{random.choice(words.CYRILLIC)} {name}"
    return name


def _followers(form: int, random: Random) -> str:
    # Whole numbers only: a power of ten in floating point may differ between machines.
    suffix, _, most_digits = FOLLOWER_FORMS[form]
    digits = random.randint(1, most_digits)
    return f"{random.randrange(10 ** (digits - 1), 10**digits)}{suffix}"
