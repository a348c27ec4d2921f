"""The characters and lengths of names that may reach Kafka's client library."""

from unicodedata import category

import msgspec
import pytest

from services.rest_proxy.names import Metadata, Name, Topic

CHARACTERS = [chr(number) for number in range(0x3001)]
"""All control characters, all blanks (U+3000 is the last), and letters of many alphabets."""


def _valid(text: str, form: object) -> bool:
    try:
        return bool(msgspec.convert(text, form) == text)
    except msgspec.ValidationError:
        return False


def test_a_name_has_no_control_characters_and_not_only_blanks() -> None:
    for character in CHARACTERS:
        control = category(character) == "Cc"
        assert _valid(f"a{character}", Name) is not control, ascii(character)
        blank = character.isspace()
        assert _valid(character * 2, Name) is not (control or blank), ascii(character)


def test_a_topic_has_the_characters_of_kafka() -> None:
    allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"
    for character in CHARACTERS:
        assert _valid(f"a{character}", Topic) is (character in allowed), ascii(character)


@pytest.mark.parametrize(
    ("form", "longest", "character"),
    [(Topic, 249, "t"), (Name, 255, "é"), (Metadata, 4096, "é")],
)
def test_a_length_is_bounded(form: object, longest: int, character: str) -> None:
    assert _valid(character * longest, form)
    assert not _valid(character * (longest + 1), form)


@pytest.mark.parametrize("text", ["", ".", "..", "a\n", "^a"])
def test_an_invalid_topic(text: str) -> None:
    assert not _valid(text, Topic)


@pytest.mark.parametrize("text", ["...", ".a", "_", "-", "__consumer_offsets"])
def test_a_valid_topic(text: str) -> None:
    assert _valid(text, Topic)
