"""Golden rows through parse and clean, by the rules of the specification, section 7."""

import json
from typing import Any

import pytest

from contract.entities import ENTITIES, GEO, PIN, USER, Entity
from spark.pipeline.cleaning import clean, newest
from spark.pipeline.parse import good, parse
from spark.pipeline.schemas import CLEANED
from tests.spark.conftest import Records
from tests.support import example_row
from tests.support.example_row import SENT
from tests.support.lake import rows
from tests.support.oracle import plain


def cleaned(records: Records, entity: Entity, *wire: dict[str, Any]) -> list[dict[str, Any]]:
    """Clean wire rows; return them in the order of the input, without positions."""
    raw = (json.dumps(row, ensure_ascii=False) for row in wire)
    frame = clean(good(parse(records(*raw), entity)), entity)
    return rows(frame.orderBy("position.line").drop("position"))


@pytest.mark.parametrize("entity", ENTITIES, ids=lambda entity: entity.name)
def test_columns_are_those_of_the_specification(records: Records, entity: Entity) -> None:
    frame = clean(good(parse(records("{}"), entity)), entity).drop("position")
    columns = [(field.name, field.dataType) for field in frame.schema]
    assert columns == [(field.name, field.dataType) for field in CLEANED[entity]]


@pytest.mark.parametrize("entity", ENTITIES, ids=lambda entity: entity.name)
def test_row_7528(records: Records, entity: Entity) -> None:
    """The pin of this row consists of placeholders."""
    (row,) = cleaned(records, entity, SENT[entity])
    expected = example_row.CLEANED[entity]
    assert (list(row), plain(row)) == (list(expected), plain(expected))


def test_texts_stay_as_they_are(records: Records) -> None:
    texts = {
        "title": "Untitled",
        "description": 'Ein … Grün\u00a0🌱\n"x"',
        "poster_name": "Мария | studio ",
        "tag_list": "User Info Error",
        "category": "No Title Data Available",
    }
    (row,) = cleaned(records, PIN, {"index": 1, **texts})
    assert {name: row[name] for name in texts} == texts


BLANKS = ("", " ", "\t\n ", "\u00a0", "\u2003\u3000", None)


def test_blanks_become_null(records: Records) -> None:
    texts = [column.name for column in PIN.columns if column.name not in ("index", "downloaded")]
    wire = [{"index": i, **dict.fromkeys(texts, blank)} for i, blank in enumerate(BLANKS)]
    for row in cleaned(records, PIN, *wire):
        assert {value for name, value in row.items() if name != "ind"} == {None}
    wire = [{"ind": i, "country": blank} for i, blank in enumerate(BLANKS)]
    assert {row["country"] for row in cleaned(records, GEO, *wire)} == {None}
    wire = [{"ind": i, "first_name": b, "last_name": "Ali"} for i, b in enumerate(BLANKS)]
    assert {row["user_name"] for row in cleaned(records, USER, *wire)} == {"Ali"}
    wire = [{"ind": i, "first_name": b, "last_name": b} for i, b in enumerate(BLANKS)]
    assert {row["user_name"] for row in cleaned(records, USER, *wire)} == {None}


FOLLOWERS = {
    "0": 0,
    "999": 999,
    "12k": 12_000,
    "3M": 3_000_000,
    "1.5M": 1_500_000,
    " 12K ": 12_000,
    "12 k": 12_000,
    "3m": 3_000_000,
    "\u00a07k": 7_000,
    "0.5k": 500,
    "1.0": 1,
    "123456789012345M": None,  # more than 64 bits
    "1,234": None,
    "1.5": None,
    "1.0005k": None,
    "-5": None,
    "12kk": None,
    "k": None,
    "1e3": None,
    "12b": None,
    "\u0661\u0662": None,
    "User Info Error": None,
    "": None,
}


PATHS = {
    "Local save in /data/diy-and-crafts": "/data/diy-and-crafts",
    "/data/travel": "/data/travel",
    "Local save in /data/a b": "/data/a b",
    "nowhere": None,
}


@pytest.mark.parametrize(
    ("column", "cases"), [("follower_count", FOLLOWERS), ("save_location", PATHS)]
)
def test_numbers_and_paths_in_texts(
    records: Records, column: str, cases: dict[str, object]
) -> None:
    wire = [{"index": i, column: text} for i, text in enumerate(cases)]
    found = [row[column] for row in cleaned(records, PIN, *wire)]
    assert dict(zip(cases, found, strict=True)) == cases


def test_half_a_pair_of_coordinates_is_null(records: Records) -> None:
    found = cleaned(records, GEO, {"ind": 2, "latitude": 1.5}, {"ind": 3})
    assert [row["coordinates"] for row in found] == [None, None]


def test_the_last_row_of_a_key_wins(records: Records) -> None:
    raw = (
        '{"ind":1,"country":"Albania"}',
        '{"ind":2,"country":"Angola"}',
        '{"ind":1,"country":"Zambia"}',
        '{"ind":1,"country":"Benin"}',
    )
    frame = newest(clean(good(parse(records(*raw), GEO)), GEO))
    assert {row["ind"]: row["country"] for row in rows(frame)} == {1: "Benin", 2: "Angola"}
