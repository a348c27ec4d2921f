"""The historical road: ``POST /topics/<topic>`` through API Gateway to the Kafka REST proxy."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from contract import names, wire
from contract.entities import Entity
from contract.settings import Settings
from emulator.request import MAX_BODY, Outcome, Request, Row, may_pass, refused, unreadable

MOST_RECORDS = 10_000
"""Records of one request."""

_FINAL_CODES = (1, 50002)
"""Kafka refuses the record for good: Confluent's number for it, and the v2 API's."""


class BatchRoad:
    """Builds produce requests of the Confluent REST API v2 and reads their answers."""

    def __init__(self, settings: Settings) -> None:
        self._invoke_url = settings.gateway_invoke_url
        self._user_id = settings.user_id

    def request(self, entity: Entity, rows: Sequence[Row]) -> Request:
        """One record a row, without a key, as the original sent them."""
        body = wire.dumps(wire.kafka_records(row.value for row in rows))
        return Request(
            method="POST",
            url=f"{self._invoke_url}/topics/{names.topic(self._user_id, entity)}",
            headers={"Content-Type": wire.KAFKA_JSON},
            body=body.encode(),
            rows=tuple(rows),
        )

    def fits(self, request: Request) -> bool:
        """Whether its body is one that API Gateway takes."""
        return len(request.body) <= MAX_BODY

    def outcomes(self, request: Request, status: int, body: bytes) -> tuple[Outcome, ...]:
        """Read the slot of each record. A 200 whose slots can't be read says nothing: again."""
        if status != 200:
            return refused(request, status, body, again=may_pass(status))
        try:
            slots = json.loads(body)["offsets"]
            if len(slots) != len(request.rows):
                raise ValueError
            topic = request.url.rpartition("/")[2]
            return tuple(
                _outcome(row, topic, slot) for row, slot in zip(request.rows, slots, strict=True)
            )
        except (ValueError, TypeError, KeyError, AttributeError):
            return unreadable(request, body)


def _outcome(row: Row, topic: str, slot: dict[str, Any]) -> Outcome:
    code = slot["error_code"]
    if code is None:
        position = {"topic": topic, "partition": slot["partition"], "offset": slot["offset"]}
        return Outcome(row, position=position)
    return Outcome(row, error=f"{code} {slot.get('error')}", again=code not in _FINAL_CODES)
