"""Titles, descriptions, tags and image addresses, with the same kinds of noise as the original."""

from random import Random

from emulator.dataset.generators import words
from emulator.dataset.profile import (
    BLOCK,
    CUT_DESCRIPTIONS,
    DESCRIPTION_LENGTH,
    NO_DESCRIPTIONS,
    NON_ASCII_DESCRIPTIONS,
    NON_ASCII_TITLES,
    STORIES,
    TAGS,
    TAGS_LENGTH,
)

_WRITTEN = 1 - (STORIES + NO_DESCRIPTIONS) / BLOCK
"""Share of posts whose description is no placeholder; the profile's shares are of all posts."""
_CUT = CUT_DESCRIPTIONS / _WRITTEN
_DIRTY = (NON_ASCII_DESCRIPTIONS - CUT_DESCRIPTIONS) / (_WRITTEN - CUT_DESCRIPTIONS)

_TAGS = {
    category: tuple(f"{quality} {subject}" for quality in words.QUALITIES for subject in subjects)
    for category, subjects in words.SUBJECTS.items()
}


def title(category: str, random: Random) -> str:
    """A title; one in ten is not ASCII."""
    text = f"{_subject(category, random)} {_pick(words.PURPOSES, random)}"
    if random.random() < 0.4:
        text = f"{2 + int(random.random() * 60)} {_pick(words.QUALITIES, random)} {text}"
    return _dirty(text, random) if random.random() < NON_ASCII_TITLES else text


def with_newline(text: str) -> str:
    """The title over two lines."""
    head, _, tail = text.rpartition(" ")
    return f"{head}\n{tail}"


def with_quotes(text: str) -> str:
    """The title with its first word in double quotes."""
    head, _, tail = text.partition(" ")
    return f'"{head}" {tail}'


def description(category: str, random: Random) -> str:
    """A description of at most 180 characters, a third of them cut off with an ellipsis."""
    subject = _subject(category, random).lower()
    draw = random.random()
    if draw < _CUT:
        text = _pick(words.SENTENCES, random).format(subject)
        while len(text) < DESCRIPTION_LENGTH:
            text += " " + _pick(words.SENTENCES, random).format(subject)
        length = DESCRIPTION_LENGTH - 1 - int(random.random() * 20)
        return text[:length].rstrip() + words.ELLIPSIS
    text = _pick(words.SENTENCES, random).format(subject)
    for _ in range(int(random.random() * 3)):
        more = f"{text} {_pick(words.SENTENCES, random).format(subject)}"
        text = more if len(more) < DESCRIPTION_LENGTH - 4 else text
    return _dirty(text, random) if random.random() < _DIRTY else text


def tags(category: str, random: Random) -> str:
    """Nine different tags with commas between, at most 247 characters."""
    while True:
        text = ",".join(random.sample(_TAGS[category], TAGS))
        if len(text) <= TAGS_LENGTH:
            return text


def image(random: Random) -> str:
    """Address of an image, on a host name that is reserved for examples."""
    name = f"{random.getrandbits(128):032x}"
    return f"https://i.example.com/originals/{name[:2]}/{name[2:4]}/{name[4:6]}/{name}.jpg"


def unique_id(random: Random) -> str:
    """A UUID of version 4."""
    bits = random.getrandbits(128)
    text = f"{bits & ~(0xF << 76) & ~(3 << 62) | 4 << 76 | 2 << 62:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def _subject(category: str, random: Random) -> str:
    return _pick(words.SUBJECTS[category], random)


def _pick(choices: tuple[str, ...], random: Random) -> str:
    return choices[int(random.random() * len(choices))]


def _dirty(text: str, random: Random) -> str:
    draw = random.random()
    if draw < 0.5:
        return f"{text} {_pick(words.EMOJI, random)}"
    if draw < 0.8:
        return text.replace(" ", words.NO_BREAK_SPACE, 1)
    return text + words.ELLIPSIS
