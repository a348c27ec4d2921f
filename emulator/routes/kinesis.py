"""The streaming pipeline: ``PUT /streams/<stream>/record(s)`` through API Gateway to Kinesis."""

import json
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from contract import names, wire
from contract.entities import Entity
from contract.settings import Settings
from emulator.delivery.request import Outcome, Request, Route, Row

MOST_RECORDS = 500
"""Records of one PutRecords."""
LONGEST_KEY = 256
"""Characters of a partition key."""
_MAX_RECORD = 1 << 20
"""Bytes of a record. Kinesis rejects a whole request for one larger record."""

_THROTTLED = (
    "KMSThrottlingException",
    "ProvisionedThroughputExceededException",
    "ThrottlingException",
)
"""Error types of a 400 after which Kinesis accepts the same record later."""


class KinesisRoute(Route):
    """Builds PutRecord and PutRecords requests of the REST API and reads their responses.

    Args:
        settings: the address of the REST API, and the user id of the streams.
        partition_key: key of every record; by default the key of its row, which spreads the posts
            over the shards and keeps the order of each post.
    """

    def __init__(self, settings: Settings, partition_key: str | None = None) -> None:
        super().__init__(settings)
        self._partition_key = partition_key

    def target(self, entity: Entity) -> str:
        """The stream."""
        return names.stream(self.user_id, entity)

    def request(self, entity: Entity, rows: Sequence[Row]) -> Request:
        """PutRecord for one row, as in the original, and PutRecords for more."""
        stream = self.target(entity)
        pairs = [(self._partition_key or str(row.key), row.value) for row in rows]
        if len(pairs) == 1:
            ((key, value),) = pairs
            action, document = "record", wire.kinesis_record(stream, value, key)
        else:
            action, document = "records", wire.kinesis_records(pairs)
        return Request(
            method="PUT",
            url=f"{self.invoke_url}/streams/{stream}/{action}",
            target=stream,
            headers={"Content-Type": wire.JSON},
            body=wire.dumps(document).encode(),
            rows=tuple(rows),
        )

    def fits(self, request: Request) -> bool:
        """Whether the request and each of its records are within the limits."""
        if not super().fits(request) or len(request.rows) > MOST_RECORDS:
            return False
        # A body is larger than each of its records, so only a large body is checked.
        return len(request.body) <= _MAX_RECORD or all(
            len(wire.dumps(row.value).encode()) <= _MAX_RECORD for row in request.rows
        )

    def may_pass(self, status: int, body: bytes) -> bool:
        """Whether the status is temporary, or Kinesis throttles."""
        with suppress(ValueError, TypeError, KeyError, AttributeError):
            # The name of Kinesis' error may come with a prefix.
            if json.loads(body)["__type"].rpartition("#")[2] in _THROTTLED:
                return True
        return super().may_pass(status, body)

    def slots(self, request: Request, response: Any) -> list[dict[str, Any]]:
        """The response of PutRecord itself, or the records of PutRecords.

        Raises:
            ValueError: the records contradict their count.
        """
        if len(request.rows) == 1:
            return [response]
        slots: list[dict[str, Any]] = response["Records"]
        failed = sum(slot.get("ErrorCode") is not None for slot in slots)
        if failed != response["FailedRecordCount"]:
            raise ValueError
        return slots

    def outcome(self, request: Request, row: Row, slot: dict[str, Any]) -> Outcome:
        """Stored, unless the slot has an error code."""
        code = slot.get("ErrorCode")
        if code is not None:
            # Throttling, or a failure within Kinesis: both are temporary.
            return Outcome(row, error=f"{code} {slot.get('ErrorMessage')}", again=True)
        position = {"shard": slot["ShardId"], "sequence_number": slot["SequenceNumber"]}
        return Outcome(row, position={"stream": request.target, **position})
