"""``pinpipe demo``: from nothing to the nine results, with the rows counted at every hop.

Counts are those of this run: what was there before is told apart by Kafka's
offsets. A hop that lost a row ends the demo and is named.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from contract import names
from contract.entities import ENTITIES, Entity
from stack.engine import Engine
from stack.errors import HopError, WaitTimeout
from stack.hops import kafka, objects, tables
from stack.hops.access import Access
from stack.hops.airflow import HOP, Airflow
from stack.hops.kafka import Offsets
from stack.waiting import wait_for

RUN_LIMIT = 900.0
"""Seconds that the DAG's run may take."""


@dataclass(frozen=True, slots=True)
class HopCount:
    """Rows of each entity at one hop."""

    hop: str
    what: str
    rows: dict[str, int]
    """Entity's name to rows."""


@dataclass
class Demo:
    """One run of the demo on a stack that is up."""

    engine: Engine
    posts: int
    sink_limit: float
    """Seconds that the sink may take to store what Kafka has."""
    talk: Callable[[str], None]
    counts: list[HopCount] = field(default_factory=list)

    def run(self) -> list[HopCount]:
        """Send posts and follow them to the tables.

        Raises:
            HopError: a hop lost a row; ``counts`` has the hops up to there.
        """
        access = Access(self.engine.client_environment)
        user_id = access.settings.user_id
        topics = {entity.name: names.topic(user_id, entity) for entity in ENTITIES}
        # First, as Airflow then runs the DAG for yesterday: that's over before there are posts.
        airflow = Airflow.of(self.engine, access)
        airflow.unpause()
        before = {name: kafka.offsets(access, topic)[1] for name, topic in topics.items()}
        self._emulate()
        after = {name: kafka.offsets(access, topic)[1] for name, topic in topics.items()}
        sent = {
            entity.name: _keys_in_kafka(access, user_id, entity, before, after)
            for entity in ENTITIES
        }
        self._count("kafka", "records in the topics", {n: k.total() for n, k in sent.items()})
        self._await_objects(access, topics, before, sent)
        self._orchestrate(airflow)
        self._look(access, sent)
        return self.counts

    def _emulate(self) -> None:
        self.talk(f"emulator: sending {self.posts} posts")
        options = ["--count", str(self.posts), "--rate", "max", "--batch-size", "100", "--json"]
        summary = self.engine.one_shot("emulator", options).answer()
        self.counts.append(HopCount("source", "rows drawn", dict.fromkeys(_NAMES, self.posts)))
        self._count("gateway", "rows acknowledged", _acknowledged(summary))

    def _await_objects(
        self,
        access: Access,
        topics: dict[str, str],
        before: dict[str, Offsets],
        sent: dict[str, Counter[int]],
    ) -> None:
        self.talk("s3: waiting for the sink")
        stored: dict[str, Counter[int]] = {}

        def complete() -> bool:
            for entity in ENTITIES:
                if stored.get(entity.name) != sent[entity.name]:
                    records = objects.records_from(access, topics[entity.name], before[entity.name])
                    stored[entity.name] = Counter(json.loads(r)[entity.key] for r in records)
            return stored == sent

        def state() -> str:
            return ", ".join(f"{n} {k.total()} of {sent[n].total()}" for n, k in stored.items())

        try:
            wait_for("every record to be in an object", complete, self.sink_limit, 0.5, state)
        except WaitTimeout as timeout:
            raise HopError("s3", str(timeout)) from None
        self._count("s3", "records in objects", {n: k.total() for n, k in stored.items()})

    def _look(self, access: Access, sent: dict[str, Counter[int]]) -> None:
        rows: dict[str, int] = {}
        for entity in ENTITIES:
            keys = Counter(tables.keys(access, entity))
            twice = [key for key, count in keys.items() if count > 1]
            missing = sent[entity.name].keys() - keys.keys()
            if twice or missing:
                raise HopError(
                    "delta",
                    f"{entity.name}: {len(missing)} keys missing {sorted(missing)[:5]}, "
                    f"{len(twice)} more than once {sorted(twice)[:5]}",
                )
            rows[entity.name] = len(sent[entity.name].keys() & keys.keys())
        self.counts.append(HopCount("delta", "of them distinct, in the tables", rows))

    def _orchestrate(self, airflow: Airflow) -> None:
        """Have Airflow run the batch and check what it wrote, as it does every day on MWAA."""
        run_id = airflow.trigger()
        self.talk(f"airflow: {airflow.url}/dags/{airflow.dag_id}/runs/{run_id}")
        if airflow.ended(run_id, RUN_LIMIT, self.talk)["state"] != "success":
            raise HopError(HOP, f"run {run_id} failed\n{airflow.failures(run_id)}")

    def _count(self, hop: str, what: str, rows: dict[str, int]) -> None:
        self.counts.append(HopCount(hop, what, rows))
        for name, number in rows.items():
            if number != self.posts:
                raise HopError(hop, f"{number} {name} rows of {self.posts}")


_NAMES = tuple(entity.name for entity in ENTITIES)


def _acknowledged(summary: dict[str, Any]) -> dict[str, int]:
    return {name: summary["entities"][name]["acknowledged"] for name in _NAMES}


def _keys_in_kafka(
    access: Access,
    user_id: str,
    entity: Entity,
    before: dict[str, Offsets],
    after: dict[str, Offsets],
) -> Counter[int]:
    records = kafka.read(
        access, names.topic(user_id, entity), before[entity.name], after[entity.name]
    )
    return Counter(json.loads(record.value or b"null")[entity.key] for record in records)
