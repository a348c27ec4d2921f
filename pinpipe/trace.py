"""``pinpipe trace KEY``: follow one post through every hop, on each pipeline that it was sent down.

Each hop is asked what it holds of the post; a row's way ends at the first hop
that doesn't have it, with the reason. A post that the emulator never sent is
looked for on the batch pipeline.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from contract import names
from contract.entities import ENTITIES, Entity
from hops import journal, kafka, kinesis, objects, source, tables
from hops.access import Access
from hops.errors import HopError
from hops.tables import Pipeline

SHOWN = 72
"""Characters that are shown of a value."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What one hop holds of one row of the post."""

    pipeline: Pipeline
    entity: str
    hop: str
    found: bool
    where: str
    """Position in the hop: a table and key, a URL, topic-partition@offset, an object and line."""
    what: str
    """The content found, or the reason why the way ends here."""


@dataclass
class _Way:
    """What is known so far of one row on its way."""

    access: Access
    journal_file: Path
    entity: Entity
    key: int
    pipeline: Pipeline
    record: kafka.KafkaRecord | None = None

    @property
    def topic(self) -> str:
        return names.topic(self.access.settings.user_id, self.entity)

    @property
    def stream(self) -> str:
        return names.stream(self.access.settings.user_id, self.entity)

    @cached_property
    def answers(self) -> list[journal.Response]:
        """What the emulator's journal holds of it, which is read from one end to the other."""
        target = self.topic if self.pipeline == "batch" else self.stream
        return journal.answers(self.journal_file, target, self.key)


class _Stop(Exception):
    """The way ends at this hop: where it was looked for, and why it isn't there."""


def trace(access: Access, journal_file: Path, key: int) -> list[Finding]:
    """Follow the three rows of the post ``key``; each way ends where it stopped."""
    ways = [
        _Way(access, journal_file, entity, key, pipeline)
        for pipeline in PIPELINES
        for entity in ENTITIES
    ]
    taken = _taken(ways)
    findings: list[Finding] = []
    for way in (way for way in ways if way.pipeline in taken):
        for finding in _follow(way):
            findings.append(finding)
            if not finding.found:
                break
    return findings


def _taken(ways: list[_Way]) -> set[Pipeline]:
    """The pipelines that the emulator has sent the post down."""
    try:
        return {way.pipeline for way in ways if way.answers} or {"batch"}
    except HopError:  # told as a finding
        return {"batch"}


def _follow(way: _Way) -> Iterator[Finding]:
    for hop, ask in PIPELINES[way.pipeline]:
        found = False
        try:
            where, what = ask(way)
            found = True
        except _Stop as stop:
            where, what = stop.args
        except HopError as error:
            where, what = "", str(error)
        yield Finding(way.pipeline, way.entity.name, hop, found, where, what)


def _source(way: _Way) -> tuple[str, str]:
    where = f"{way.entity.table} {way.entity.key}={way.key}"
    row = source.row(way.access, way.entity, way.key)
    if row is None:
        raise _Stop(where, "the source has no such row")
    return where, _text(row)


def _gateway(way: _Way) -> tuple[str, str]:
    if not way.answers:
        raise _Stop(str(way.journal_file), "the emulator never sent it")
    last = way.answers[-1]
    times = f" (sent {len(way.answers)} times)" if len(way.answers) > 1 else ""
    status = "no answer" if last.status is None else str(last.status)
    where = f"{last.method} {last.url}{times}"
    if last.error is not None:
        raise _Stop(where, f"{status} at {last.time}: {last.error or last.position}")
    return where, f"{status} at {last.time}: {last.position}"


def _kafka(way: _Way) -> tuple[str, str]:
    first, end = kafka.offsets(way.access, way.topic)
    records = kafka.read(way.access, way.topic, first, end)
    held = [record for record in records if _key(way.entity, record.value) == way.key]
    if not held:
        total = sum(end.values()) - sum(first.values())
        raise _Stop(way.topic, f"none of the topic's {total} records has the key")
    way.record = held[-1]
    where = f"{way.topic}-{way.record.partition}@{way.record.offset}{_copies(held)}"
    return where, _text((way.record.value or b"").decode())


def _kinesis(way: _Way) -> tuple[str, str]:
    records = list(kinesis.read(way.access, way.stream))
    held = [record for record in records if _key(way.entity, record.data) == way.key]
    if not held:
        raise _Stop(way.stream, f"none of the stream's {len(records)} records has it")
    last = held[-1]
    where = f"{way.stream} {last.shard} {last.sequence_number}{_copies(held)}"
    return where, _text(last.data.decode())


def _copies(held: Sequence[object]) -> str:
    return f" ({len(held)} copies)" if len(held) > 1 else ""


def _object(way: _Way) -> tuple[str, str]:
    assert way.record is not None
    bucket, offset = way.access.settings.bucket, way.record.offset
    held = objects.holder(way.access, way.topic, way.record.partition, offset)
    if held is None:
        raise _Stop(
            f"s3://{bucket}/{names.topic_prefix(way.topic)}",
            f"no object reaches back to offset {offset}; is the connector RUNNING?",
        )
    where = f"s3://{bucket}/{held.key}"
    content = objects.read(way.access, held)
    number = line_of(content, way.entity, way.key, offset - held.position.start_offset)
    if content.next_offset <= offset or number is None:
        raise _Stop(where, f"it ends before offset {offset}; the sink has not stored that far")
    return f"{where} line {number + 1}", _text(content.lines[number].decode())


def line_of(content: objects.Content, entity: Entity, key: int, at_most: int) -> int | None:
    """Index of the last line that holds ``key`` and isn't beyond ``at_most``.

    A record's line is its distance from the object's first offset, or less: the sink leaves
    tombstones and what it can't read out.
    """
    for number in range(min(at_most, len(content.lines) - 1), -1, -1):
        if _key(entity, content.lines[number]) == key:
            return number
    return None


def _table(way: _Way) -> tuple[str, str]:
    user_id = way.access.settings.user_id
    name = names.table(user_id, way.entity)
    uri = tables.uri_of(way.access, name, way.pipeline)
    table = tables.read(way.access, name, key=way.key, pipeline=way.pipeline)
    batch = way.pipeline == "batch"
    if table is None:
        reason = "no batch has run yet" if batch else "nothing was streamed yet"
        raise _Stop(uri, f"there is no such table; {reason}")
    where = f"{uri} version {table.version}"
    if not table.rows:
        hint = "run the batch" if batch else "the stream may be behind (`pinpipe logs stream`)"
        quarantine = names.quarantine_table(user_id, way.entity)
        raise _Stop(where, f"no row with the key: {hint}, or look into {quarantine}")
    row = {k: v if isinstance(v, int | float | list) else str(v) for k, v in table.rows[0].items()}
    return where, _text(row)


def _key(entity: Entity, value: bytes | None) -> int | None:
    try:
        document = json.loads(value or b"null")
    except ValueError:
        return None
    key = document.get(entity.key) if isinstance(document, dict) else None
    return key if isinstance(key, int) else None


def _text(content: Any) -> str:
    text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"


_SENT = ((source.HOP, _source), (journal.HOP, _gateway))
PIPELINES: dict[Pipeline, tuple[tuple[str, Callable[[_Way], tuple[str, str]]], ...]] = {
    "batch": (*_SENT, (kafka.HOP, _kafka), (objects.HOP, _object), (tables.HOP, _table)),
    "streaming": (*_SENT, (kinesis.HOP, _kinesis), (tables.HOP, _table)),
}
"""The hops of each pipeline: each says where the row is and what it is, or stops the way."""
