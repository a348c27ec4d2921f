"""Names that reach Kafka's client library: which are refused, character by character."""

from __future__ import annotations

from unicodedata import category

import msgspec
import pytest

from services.rest_proxy.names import Metadata, Name, Topic

CHARACTERS = [chr(number) for number in range(0x3001)]
"""All control characters, all blanks (U+3000 is the last), and letters of many alphabets."""


def _taken(text: str, form: object) -> bool:
    try:
        return bool(msgspec.convert(text, form) == text)
    except msgspec.ValidationError:
        return False


def test_a_name_has_any_character_but_control_characters_and_not_only_blanks() -> None:
    for character in CHARACTERS:
        control = category(character) == "Cc"
        assert _taken(f"a{character}", Name) is not control, ascii(character)
        blank = character.isspace()
        assert _taken(character * 2, Name) is not (control or blank), ascii(character)


def test_a_topic_has_the_characters_of_kafka() -> None:
    allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"
    for character in CHARACTERS:
        assert _taken(f"a{character}", Topic) is (character in allowed), ascii(character)


@pytest.mark.parametrize(
    ("form", "longest", "character"),
    [(Topic, 249, "t"), (Name, 255, "é"), (Metadata, 4096, "é")],
)
def test_a_length_is_bounded(form: object, longest: int, character: str) -> None:
    assert _taken(character * longest, form)
    assert not _taken(character * (longest + 1), form)


@pytest.mark.parametrize("text", ["", ".", "..", "a\n", "^a"])
def test_no_topic(text: str) -> None:
    assert not _taken(text, Topic)


@pytest.mark.parametrize("text", ["...", ".a", "_", "-", "__consumer_offsets"])
def test_a_topic(text: str) -> None:
    assert _taken(text, Topic)
