"""The batch pipeline: ``POST /topics/<topic>`` through API Gateway to the Kafka REST proxy."""

from collections.abc import Sequence
from typing import Any

from contract import names, wire
from contract.entities import Entity
from emulator.delivery.request import Outcome, Request, Route, Row

MOST_RECORDS = 10_000
"""Records of one request."""

_FINAL_CODES = (1, 50002)
"""Codes of a record that Kafka rejects for good: Confluent's REST Proxy answers 1, ours 50002."""


class KafkaRoute(Route):
    """Builds produce requests of the Confluent REST API v2 and reads their responses."""

    def target(self, entity: Entity) -> str:
        """The topic."""
        return names.topic(self.user_id, entity)

    def request(self, entity: Entity, rows: Sequence[Row]) -> Request:
        """One record per row, without a key, as in the original."""
        topic = self.target(entity)
        return Request(
            method="POST",
            url=f"{self.invoke_url}/topics/{topic}",
            target=topic,
            headers={"Content-Type": wire.KAFKA_JSON},
            body=wire.dumps(wire.kafka_records(row.value for row in rows)).encode(),
            rows=tuple(rows),
        )

    def slots(self, request: Request, response: Any) -> list[dict[str, Any]]:
        """The list ``offsets``."""
        return response["offsets"]  # type: ignore[no-any-return]

    def outcome(self, request: Request, row: Row, slot: dict[str, Any]) -> Outcome:
        """Stored, unless the slot has an error code."""
        code = slot["error_code"]
        if code is not None:
            return Outcome(row, error=f"{code} {slot.get('error')}", again=code not in _FINAL_CODES)
        position = {"partition": slot["partition"], "offset": slot["offset"]}
        return Outcome(row, position={"topic": request.target, **position})
