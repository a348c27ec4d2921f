"""``pinpipe trace KEY``: follows one post through every hop of each pipeline that it was sent to.

The trace of a row ends at the first hop that doesn't have the row, with the reason. A post that the
emulator never sent is traced on the batch pipeline.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from contract import names
from contract.entities import ENTITIES, Entity
from hops import kafka, kinesis, objects, outbox, source, tables
from hops.access import Access
from hops.errors import HopError
from hops.tables import Pipeline

SHOWN = 72
"""Longest text of a value, in characters."""


@dataclass(frozen=True, slots=True)
class Finding:
    """The state of one row of the post at one hop."""

    pipeline: Pipeline
    entity: str
    hop: str
    found: bool
    where: str
    """Position in the hop: a table and key, a URL, topic-partition@offset, an object and line."""
    what: str
    """The content of the row, or the reason why the trace ends here."""


@dataclass
class _Row:
    """One row of the post on one pipeline, with its record in Kafka once that is found."""

    access: Access
    outbox_file: Path
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
    def sent(self) -> list[outbox.SentRow]:
        """The row as often as it was sent, cached because the whole outbox is read for it."""
        target = self.topic if self.pipeline == "batch" else self.stream
        return outbox.rows(self.outbox_file, "target = ? AND key = ?", (target, self.key))


class _NotFound(Exception):
    """A hop doesn't have the row; the arguments are the place of the search and the reason."""


def trace(access: Access, outbox_file: Path, key: int) -> list[Finding]:
    """Follow the three rows of the post ``key``, each up to the first hop that lacks it."""
    rows = [
        _Row(access, outbox_file, entity, key, pipeline)
        for pipeline in PIPELINES
        for entity in ENTITIES
    ]
    sent = _pipelines_sent(rows)
    findings: list[Finding] = []
    for traced in (traced for traced in rows if traced.pipeline in sent):
        for finding in _follow(traced):
            findings.append(finding)
            if not finding.found:
                break
    return findings


def _pipelines_sent(rows: list[_Row]) -> set[Pipeline]:
    """The pipelines that the emulator has sent the post to."""
    try:
        return {traced.pipeline for traced in rows if traced.sent} or {"batch"}
    except HopError:  # reported as a finding
        return {"batch"}


def _follow(traced: _Row) -> Iterator[Finding]:
    for hop, locate in PIPELINES[traced.pipeline]:
        found = False
        try:
            where, what = locate(traced)
            found = True
        except _NotFound as error:
            where, what = error.args
        except HopError as error:
            where, what = "", str(error)
        yield Finding(traced.pipeline, traced.entity.name, hop, found, where, what)


def _source(traced: _Row) -> tuple[str, str]:
    where = f"{traced.entity.table} {traced.entity.key}={traced.key}"
    row = source.row(traced.access, traced.entity, traced.key)
    if row is None:
        raise _NotFound(where, "the source has no such row")
    return where, _text(row)


def _gateway(traced: _Row) -> tuple[str, str]:
    if not traced.sent:
        raise _NotFound(str(traced.outbox_file), "the emulator never sent it")
    # A copy that is stored goes on, whatever became of a later one.
    last = next((row for row in reversed(traced.sent) if row.state == "stored"), traced.sent[-1])
    times = sum(row.attempts for row in traced.sent)
    where = f"{last.request or last.target}{f' (sent {times} times)' if times > 1 else ''}"
    if last.time is None:
        raise _NotFound(where, "in flight, without a response yet")
    response = f"{last.status or 'no response'} at {last.time}: {last.error or last.place}"
    if last.state != "stored":
        raise _NotFound(where, f"{last.state}, {response}")
    return where, response


def _kafka(traced: _Row) -> tuple[str, str]:
    first, end = kafka.offsets(traced.access, traced.topic)
    records = kafka.read(traced.access, traced.topic, first, end)
    copies = [record for record in records if _key(traced.entity, record.value) == traced.key]
    if not copies:
        total = sum(end.values()) - sum(first.values())
        raise _NotFound(traced.topic, f"none of the topic's {total} records has the key")
    traced.record = copies[-1]
    where = f"{traced.topic}-{traced.record.partition}@{traced.record.offset}{_copies(copies)}"
    return where, _text((traced.record.value or b"").decode())


def _kinesis(traced: _Row) -> tuple[str, str]:
    records = list(kinesis.read(traced.access, traced.stream))
    copies = [record for record in records if _key(traced.entity, record.data) == traced.key]
    if not copies:
        raise _NotFound(traced.stream, f"none of the stream's {len(records)} records has the key")
    last = copies[-1]
    where = f"{traced.stream} {last.shard} {last.sequence_number}{_copies(copies)}"
    return where, _text(last.data.decode())


def _copies(copies: Sequence[object]) -> str:
    return f" ({len(copies)} copies)" if len(copies) > 1 else ""


def _object(traced: _Row) -> tuple[str, str]:
    assert traced.record is not None
    bucket, offset = traced.access.settings.bucket, traced.record.offset
    stored = objects.containing(traced.access, traced.topic, traced.record.partition, offset)
    if stored is None:
        raise _NotFound(
            f"s3://{bucket}/{names.topic_prefix(traced.topic)}",
            f"no object has offset {offset} yet; check the connector with `pinpipe status`",
        )
    where = f"s3://{bucket}/{stored.key}"
    content = objects.read(traced.access, stored)
    number = line_of(content, traced.entity, traced.key, offset - stored.position.start_offset)
    if content.next_offset <= offset or number is None:
        raise _NotFound(where, f"it ends before offset {offset}, which the sink has not stored yet")
    return f"{where} line {number + 1}", _text(content.lines[number].decode())


def line_of(content: objects.Content, entity: Entity, key: int, at_most: int) -> int | None:
    """Index of the last line with ``key``, ``at_most`` or less.

    The index of a record's line is its distance from the object's start offset, or less, because
    the sink leaves out tombstones and records that aren't JSON.
    """
    for number in range(min(at_most, len(content.lines) - 1), -1, -1):
        if _key(entity, content.lines[number]) == key:
            return number
    return None


def _table(traced: _Row) -> tuple[str, str]:
    user_id = traced.access.settings.user_id
    name = names.table(user_id, traced.entity)
    uri = tables.uri_of(traced.access, name, traced.pipeline)
    table = tables.read(traced.access, name, key=traced.key, pipeline=traced.pipeline)
    batch = traced.pipeline == "batch"
    if table is None:
        reason = "no batch has run yet" if batch else "no post was streamed yet"
        raise _NotFound(uri, f"there is no such table; {reason}")
    where = f"{uri} version {table.version}"
    if not table.rows:
        hint = "run the batch" if batch else "the stream may be behind (`pinpipe logs stream`)"
        quarantine = names.quarantine_table(user_id, traced.entity)
        raise _NotFound(where, f"no row with the key: {hint}, or look into {quarantine}")
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


_SENT = ((source.HOP, _source), (outbox.HOP, _gateway))
PIPELINES: dict[Pipeline, tuple[tuple[str, Callable[[_Row], tuple[str, str]]], ...]] = {
    "batch": (*_SENT, (kafka.HOP, _kafka), (objects.HOP, _object), (tables.HOP, _table)),
    "streaming": (*_SENT, (kinesis.HOP, _kinesis), (tables.HOP, _table)),
}
"""The hops of each pipeline, each with the function that locates a row or raises _NotFound."""
