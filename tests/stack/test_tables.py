"""Duplicate and invalid records through every hop: one row a key, and a reason for the others.

The emulator sends posts five times, as after restarts, and the test sends invalid records among
them. The tables must equal those that DuckDB makes of the source, and the records in tables,
quarantine and dead-letter topic must add up to those that were sent.
"""

import base64
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import requests
from confluent_kafka import Consumer, TopicPartition

from contract import names
from contract.entities import ENTITIES, GEO, PIN, USER, Entity
from contract.wire import KAFKA_BINARY
from emulator.draw import original
from hops import kafka, objects, tables
from hops.access import Access
from tests.conftest import Stack
from tests.support import source
from tests.support.oracle import plain
from tests.support.waiting import wait_for

START, POSTS, RESTARTS = 200, 40, 5
"""First draw and number of draws, which no other test sends, and how often they are sent."""

LARGE = "x" * 900_000


@dataclass(frozen=True, slots=True)
class Odd:
    """A record that the emulator doesn't send, and its expected result."""

    entity: Entity
    value: bytes | None
    row: dict[str, Any] | None = None
    """Columns of its row in the table that aren't null."""
    rule: str = ""
    """Rule of the quarantine that it breaks; without row and rule it is a dead letter."""
    reason: str = ""


ODD = (
    Odd(
        GEO,
        b'{"ind":700001,"country":"Chad","mood":"sunny","more":{"a":[1]}}',
        row={"ind": 700001, "country": "Chad"},
    ),
    Odd(
        GEO,
        b'{"ind":700002,"country":"Chad","timestamp":"2018-02-30T00:00:00"}',
        rule="bad_timestamp",
        reason='timestamp is "2018-02-30T00:00:00", not a date and time in ISO 8601',
    ),
    Odd(GEO, b"[1,2]", rule="not_an_object", reason="the record is [1,2], no object"),
    Odd(GEO, b'{"country":"Chad"}', rule="no_key", reason="ind is null or missing"),
    Odd(
        GEO,
        b'{"ind":"700003","latitude":"north"}',
        rule="wrong_type",
        reason='ind is "700003", not a whole number of at most 64 bits;'
        ' latitude is "north", not a number',
    ),
    Odd(GEO, b'{"ind":700004', reason="Converting byte[] to Kafka Connect data failed"),
    Odd(GEO, b"", reason="it has no value"),
    Odd(GEO, None, reason="it has no value"),
    Odd(
        PIN,
        json.dumps({"index": 700005, "description": LARGE}).encode(),
        row={"ind": 700005, "description": LARGE},
    ),
    Odd(
        PIN,
        json.dumps(LARGE).encode(),
        rule="not_an_object",
        reason=f'the record is "{LARGE[:99]}..., no object',
    ),
    Odd(
        USER,
        b'{"ind":700006,"first_name":"Ana","date_joined":"2016-01-02 03:04:05"}',
        row={
            "ind": 700006,
            "user_name": "Ana",
            "date_joined": datetime(2016, 1, 2, 3, 4, 5, tzinfo=UTC),
        },
    ),
    Odd(
        USER,
        b'{"ind":700007,"age":20.5,"date_joined":"yesterday"}',
        rule="wrong_type",
        reason="age is 20.5, not a whole number of at most 64 bits",
    ),
)


@dataclass(frozen=True, slots=True)
class Letter:
    """A dead letter: the record, its topic and offset, and the reason."""

    topic: str
    offset: int
    value: bytes | None
    reason: str


def send(stack: Stack, odd: Odd) -> None:
    """Send any bytes through API Gateway, as base64 for the REST proxy."""
    value = None if odd.value is None else base64.b64encode(odd.value).decode()
    url = f"{stack.settings.gateway_invoke_url}/topics/"
    answer = requests.post(
        url + names.topic(stack.settings.user_id, odd.entity),
        headers={"Content-Type": KAFKA_BINARY},
        data=json.dumps({"records": [{"value": value}]}),
        timeout=30,
    )
    assert answer.ok, answer.text
    assert answer.json()["offsets"][0]["error_code"] is None


def letters(access: Access, topic: str, begin: int) -> list[Letter]:
    """Dead letters from an offset on, each once.

    Connect writes a dead letter again if its task restarts before it commits the offsets, so this
    topic has its records at least once.
    """
    consumer = Consumer({**access.kafka, "group.id": "never joined", "enable.auto.commit": False})
    try:
        end = consumer.get_watermark_offsets(TopicPartition(topic, 0), timeout=10)[1]
        consumer.assign([TopicPartition(topic, 0, begin)])
        found: list[Letter] = []
        while begin + len(found) < end:
            for message in consumer.consume(end - begin, timeout=10):
                headers = {name: value.decode() for name, value in message.headers()}
                found.append(
                    Letter(
                        headers["__connect.errors.topic"],
                        int(headers["__connect.errors.offset"]),
                        message.value(),
                        headers["__connect.errors.exception.message"],
                    )
                )
        return list({(letter.topic, letter.offset): letter for letter in found}.values())
    finally:
        consumer.close()


def test_each_key_has_one_row_and_every_other_record_a_reason(stack: Stack, access: Access) -> None:
    user_id = stack.settings.user_id
    topics = {entity: names.topic(user_id, entity) for entity in ENTITIES}
    dead = names.dead_letter_topic(user_id)
    begin = {entity: kafka.offsets(access, topic)[1] for entity, topic in topics.items()}
    begin_dead = kafka.offsets(access, dead)[1][0]
    keys = [draw.key for draw in islice(original(), START, START + POSTS)]

    # The odd records come in the middle, so that the sink and the job must continue after them.
    emulator = ("--start", str(START), "--count", str(POSTS), "--rate", "max", "--batch-size", "40")
    for restart in range(RESTARTS):
        stack.run("emulator", *emulator)
        if restart == 2:
            for odd in ODD:
                send(stack, odd)

    odd_ones = {entity: [odd for odd in ODD if odd.entity is entity] for entity in ENTITIES}
    sent = {entity: POSTS * RESTARTS + len(odd_ones[entity]) for entity in ENTITIES}
    for entity, topic in topics.items():
        end = kafka.offsets(access, topic)[1]
        assert sum(end.values()) - sum(begin[entity].values()) == sent[entity]
    unwritten = [odd for odd in ODD if odd.row is None and not odd.rule]
    goal = sum(sent.values()) - len(unwritten)

    def stored() -> int:
        return sum(
            1
            for entity in ENTITIES
            for _ in objects.records_from(access, topics[entity], begin[entity])
        )

    wait_for(f"{goal} records in S3", lambda: stored() == goal, 60, 0.5, lambda: f"{stored()}")
    wait_for(
        f"{len(unwritten)} dead letters",
        lambda: len(letters(access, dead, begin_dead)) == len(unwritten),
        30,
        state=lambda: f"{letters(access, dead, begin_dead)}",
    )

    counts = json.loads(stack.run("spark", "--json").stdout)["entities"]

    found_letters = letters(access, dead, begin_dead)
    oracle = source.oracle(stack.settings.source_database_url, keys)
    for entity, topic in topics.items():
        first = begin[entity][0]
        odd_here = odd_ones[entity]

        table = tables.read(access, names.table(user_id, entity))
        assert table is not None
        rows = {row["ind"]: row for row in table.rows}
        assert len(rows) == len(table.rows) == counts[entity.name]["table_rows"]
        right = oracle.cleaned(entity.name)
        assert right.keys() == set(keys)
        assert {key: plain(rows[key]) for key in right} == right
        for odd in odd_here:
            if odd.row:
                row = rows[odd.row["ind"]]
                assert {k: v for k, v in row.items() if v is not None} == odd.row
        strange = {key for key in rows if key > 20_000}
        assert strange == {odd.row["ind"] for odd in odd_here if odd.row}

        quarantined = [
            row
            for row in tables.quarantined(access, entity)
            if row["topic"] == topic and row["start_offset"] >= first
        ]
        assert sorted((row["rule"], row["reason"]) for row in quarantined) == sorted(
            (odd.rule, odd.reason) for odd in odd_here if odd.rule
        )
        raws = [json.dumps(json.loads(row["raw"]), sort_keys=True) for row in quarantined]
        assert sorted(raws) == sorted(
            json.dumps(json.loads(odd.value or b""), sort_keys=True) for odd in odd_here if odd.rule
        )

        dead_here = [letter for letter in found_letters if letter.topic == topic]
        expected = [odd for odd in odd_here if odd in unwritten]
        assert [letter.value for letter in dead_here] == [odd.value for odd in expected]
        for letter, odd in zip(dead_here, expected, strict=True):
            assert odd.reason in letter.reason
            assert letter.offset >= first

        # Each record is in one of three places. An earlier test may have left objects to read.
        good = POSTS * RESTARTS + sum(odd.row is not None for odd in odd_here)
        assert good + len(quarantined) + len(dead_here) == sent[entity]
        assert counts[entity.name]["good"] >= good
        assert counts[entity.name]["quarantined"] >= len(quarantined)
        assert (
            counts[entity.name]["good"] + counts[entity.name]["quarantined"]
            == counts[entity.name]["records"]
        )
