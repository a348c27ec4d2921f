"""The real-time road: ``PUT /streams/<stream>/record(s)`` through API Gateway to Kinesis."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from contract import names, wire
from contract.entities import Entity
from contract.settings import Settings
from emulator.request import MAX_BODY, Outcome, Request, Row, may_pass, refused, unreadable

MOST_RECORDS = 500
"""Records of one PutRecords."""
LONGEST_KEY = 256
"""Characters of a partition key."""
_MAX_RECORD = 1 << 20
"""Bytes of a record. Kinesis refuses the whole request for one that is larger."""

_THROTTLED = (
    "KMSThrottlingException",
    "ProvisionedThroughputExceededException",
    "ThrottlingException",
)
"""Kinesis says so with a 400, and takes the same record later."""


class StreamingRoad:
    """Builds PutRecord and PutRecords requests of the REST API and reads their answers.

    Args:
        settings: say where the REST API is and whose streams are meant.
        partition_key: key of every record; by default a record has its row's key, so that the
            shards share the posts and one shard keeps the order of each.
    """

    def __init__(self, settings: Settings, partition_key: str | None = None) -> None:
        self._invoke_url = settings.gateway_invoke_url
        self._user_id = settings.user_id
        self._partition_key = partition_key

    def request(self, entity: Entity, rows: Sequence[Row]) -> Request:
        """PutRecord for one row, as the original sent them, and PutRecords for more."""
        stream = names.stream(self._user_id, entity)
        if len(rows) == 1:
            action, document = (
                "record",
                wire.kinesis_record(stream, rows[0].value, self._of(rows[0])),
            )
        else:
            action = "records"
            document = wire.kinesis_records((self._of(row), row.value) for row in rows)
        return Request(
            method="PUT",
            url=f"{self._invoke_url}/streams/{stream}/{action}",
            headers={"Content-Type": wire.JSON},
            body=wire.dumps(document).encode(),
            rows=tuple(rows),
        )

    def fits(self, request: Request) -> bool:
        """Whether no record has to go alone, or in another request."""
        if len(request.body) > MAX_BODY or len(request.rows) > MOST_RECORDS:
            return False
        # A body holds its records' bytes and more: only a large one is looked into.
        return len(request.body) <= _MAX_RECORD or all(
            len(wire.dumps(row.value).encode()) <= _MAX_RECORD for row in request.rows
        )

    def outcomes(self, request: Request, status: int, body: bytes) -> tuple[Outcome, ...]:
        """Read what became of each record. A 200 that can't be read says nothing: again."""
        if status != 200:
            again = may_pass(status) or _error_type(body) in _THROTTLED
            return refused(request, status, body, again=again)
        stream = request.url.split("/")[-2]
        try:
            answer = json.loads(body)
            slots = [answer] if len(request.rows) == 1 else _slots(answer, len(request.rows))
            return tuple(
                _outcome(row, stream, slot) for row, slot in zip(request.rows, slots, strict=True)
            )
        except (ValueError, TypeError, KeyError, AttributeError):
            return unreadable(request, body)

    def _of(self, row: Row) -> str:
        return str(row.key) if self._partition_key is None else self._partition_key


def _slots(answer: dict[str, Any], rows: int) -> list[dict[str, Any]]:
    """The slot of each record of PutRecords; raises ValueError when they contradict its count."""
    slots: list[dict[str, Any]] = answer["Records"]
    failed = sum(slot.get("ErrorCode") is not None for slot in slots)
    if len(slots) != rows or failed != answer["FailedRecordCount"]:
        raise ValueError
    return slots


def _outcome(row: Row, stream: str, slot: dict[str, Any]) -> Outcome:
    code = slot.get("ErrorCode")
    if code is None:
        shard, number = slot["ShardId"], slot["SequenceNumber"]
        return Outcome(row, position={"stream": stream, "shard": shard, "sequence_number": number})
    # Throttling, or a failure within Kinesis: both pass.
    return Outcome(row, error=f"{code} {slot.get('ErrorMessage')}", again=True)


def _error_type(body: bytes) -> str:
    """The name of Kinesis' error, which may come with a prefix; empty when it isn't Kinesis'."""
    with suppress(ValueError, TypeError, KeyError, AttributeError):
        return str(json.loads(body)["__type"].rpartition("#")[2])
    return ""
