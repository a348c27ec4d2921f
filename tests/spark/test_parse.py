"""Golden records are parsed to good rows or to the reason for the quarantine."""

import json
from datetime import datetime

import pytest

from contract.entities import ENTITIES, GEO, PIN, USER, Entity
from spark.pipeline.cleaning import clean
from spark.pipeline.parse import good, parse, quarantined
from spark.pipeline.schemas import QUARANTINE
from tests.spark.conftest import Records
from tests.support.lake import rows

LONG = "x" * 900_000

WHOLE, DATE = "not a whole number of at most 64 bits", "not a date and time in ISO 8601"

BAD: tuple[tuple[Entity, str, str, str], ...] = (
    (PIN, "", "empty", "the record is empty"),
    (PIN, "  ", "empty", "the record is empty"),
    (PIN, "not JSON", "not_json", "the record is not JSON"),
    (PIN, '{"index":1', "not_json", "the record is not JSON"),
    (PIN, '{"index":1} and more', "not_json", "the record is not JSON"),
    (PIN, '{"index":1}{"index":2}', "not_json", "the record is not JSON"),
    (PIN, "{'index':1}", "not_json", "the record is not JSON"),
    (PIN, '{"index":NaN}', "not_json", "the record is not JSON"),
    (PIN, '[{"index":1}]', "not_an_object", 'the record is [{"index":1}], no object'),
    (PIN, "[]", "not_an_object", "the record is [], no object"),
    (PIN, "5", "not_an_object", "the record is 5, no object"),
    (PIN, '"text"', "not_an_object", 'the record is "text", no object'),
    (PIN, "null", "not_an_object", "the record is null, no object"),
    (PIN, "{}", "no_key", "index is null or missing"),
    (PIN, '{"index":null}', "no_key", "index is null or missing"),
    (PIN, '{"ind":1}', "no_key", "index is null or missing"),
    (PIN, '{"index":"abc"}', "wrong_type", f'index is "abc", {WHOLE}'),
    (PIN, '{"index":"12"}', "wrong_type", f'index is "12", {WHOLE}'),
    (PIN, '{"index":1.5}', "wrong_type", f"index is 1.5, {WHOLE}"),
    (PIN, '{"index":true}', "wrong_type", f"index is true, {WHOLE}"),
    (
        PIN,
        '{"index":99999999999999999999}',
        "wrong_type",
        f"index is 99999999999999999999, {WHOLE}",
    ),
    (PIN, '{"index":1,"title":5}', "wrong_type", "title is 5, not a text"),
    (PIN, '{"index":1,"title": ["a"]}', "wrong_type", 'title is ["a"], not a text'),
    (PIN, '{"index":1,"category":{"a":1}}', "wrong_type", 'category is {"a":1}, not a text'),
    (
        PIN,
        '{"index":1,"title":false,"tag_list":3}',
        "wrong_type",
        "title is false, not a text; tag_list is 3, not a text",
    ),
    (PIN, f'{{"index":"{LONG}"}}', "wrong_type", f'index is "{"x" * 99}..., {WHOLE}'),
    (GEO, '{"ind":1,"latitude":"north"}', "wrong_type", 'latitude is "north", not a number'),
    (GEO, '{"ind":1,"latitude":"NaN"}', "wrong_type", 'latitude is "NaN", not a number'),
    (GEO, '{"ind":1,"timestamp":1598586767}', "wrong_type", f"timestamp is 1598586767, {DATE}"),
    *(
        (
            GEO,
            f'{{"ind":1,"timestamp":"{text}"}}',
            "bad_timestamp",
            f'timestamp is "{text}", {DATE}',
        )
        for text in (
            "yesterday",
            "",
            "2020-13-45T00:00:00",
            "2020-02-30 00:00:00",
            "0000-00-00 00:00:00",
            "0000-01-01T00:00:00",
            "2020-08-28T25:00:00",
            "28/08/2020 03:52",
            "20200828",
        )
    ),
    (USER, '{"ind":1,"date_joined":"soon"}', "bad_timestamp", f'date_joined is "soon", {DATE}'),
)


@pytest.mark.parametrize("entity", ENTITIES, ids=lambda entity: entity.name)
def test_bad_records_are_quarantined_with_text_position_and_reason(
    records: Records, entity: Entity
) -> None:
    cases = [case for case in BAD if case[0] is entity]
    frame = parse(records(*(case[1] for case in cases)), entity)
    assert good(frame).count() == 0
    quarantine = quarantined(frame)
    assert quarantine.columns == QUARANTINE.names
    found = {row["line"]: (row["raw"], row["rule"], row["reason"]) for row in rows(quarantine)}
    assert found == {line: case[1:] for line, case in enumerate(cases, 1)}


def test_values_keep_their_text_and_type(records: Records) -> None:
    raw = (
        '{"index":1,"title":"Grün 🌱\\u00a0\\"x\\"\\n…","follower_count":"12k","downloaded":1}',
        '{"index":2,"title":"","description":null,"follower_count":"12","tag_list":"{1}"}',
        '{"index":9223372036854775807}',
    )
    found = {row["index"]: row for row in rows(good(parse(records(*raw), PIN)))}
    assert found[1]["title"] == 'Grün 🌱\u00a0"x"\n…'
    assert (found[1]["follower_count"], found[1]["downloaded"]) == ("12k", 1)
    assert (found[2]["title"], found[2]["description"], found[2]["tag_list"]) == ("", None, "{1}")
    assert set(found) == {1, 2, 2**63 - 1}


def test_an_unknown_field_is_ignored(records: Records) -> None:
    raw = ('{"ind":1,"planet":"Earth","more":[{"a":null}],"country":"Albania"}',)
    (row,) = rows(good(parse(records(*raw), GEO)))
    assert row.pop("position")["line"] == 1
    assert row == {
        "ind": 1,
        "timestamp": None,
        "latitude": None,
        "longitude": None,
        "country": "Albania",
    }


def test_a_whole_number_is_read_as_a_double(records: Records) -> None:
    raw = ('{"ind":1,"latitude":5,"longitude":-1.5e1}',)
    (row,) = rows(good(parse(records(*raw), GEO)))
    assert (row["latitude"], row["longitude"]) == (5.0, -15.0)


DATES = {
    "2020-08-28T03:52:47": datetime(2020, 8, 28, 3, 52, 47),
    "2020-08-28 03:52:47": datetime(2020, 8, 28, 3, 52, 47),
    "2020-08-28T03:52:47.123456": datetime(2020, 8, 28, 3, 52, 47, 123456),
    "2020-08-28T03:52:47Z": datetime(2020, 8, 28, 3, 52, 47),
    "2020-08-28T03:52:47+02:00": datetime(2020, 8, 28, 1, 52, 47),
    "2020-08-28": datetime(2020, 8, 28),
    None: None,
}


def test_dates_are_read_in_utc(records: Records) -> None:
    raw = [json.dumps({"ind": i, "timestamp": text}) for i, text in enumerate(DATES)]
    frame = clean(good(parse(records(*raw), GEO)), GEO)
    found = {row["ind"]: row["timestamp"] for row in rows(frame)}
    assert [found[i] for i in range(len(DATES))] == list(DATES.values())
