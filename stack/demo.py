"""``pinpipe demo``: posts down both roads, counted at every hop, to results and live metrics.

Counts are those of this run: what was there before is told apart by Kafka's
offsets. A hop that lost a row ends the demo and is named, and so does a row
that the two roads don't agree about.
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
from stack.hops.tables import Road
from stack.waiting import wait_for

RUN_LIMIT = 900.0
"""Seconds that the DAG's run may take."""
STREAM_LIMIT = 300.0
"""Seconds that the streaming job may take for posts that Kinesis has."""


@dataclass(frozen=True, slots=True)
class HopCount:
    """Rows of each entity at one hop."""

    road: str
    """The road, or ``both``."""
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
        self.counts.append(
            HopCount(
                "both",
                "source",
                "rows drawn",
                dict.fromkeys((e.name for e in ENTITIES), self.posts),
            )
        )
        self._emulate("batch", "emulator")
        self._emulate("streaming", "emulator-streaming")
        after = {name: kafka.offsets(access, topic)[1] for name, topic in topics.items()}
        sent = {
            entity.name: _keys_in_kafka(access, user_id, entity, before, after)
            for entity in ENTITIES
        }
        self._count("batch", "kafka", "records in the topics", _totals(sent))
        self._await_objects(access, topics, before, sent)
        self._await_stream(access, sent)
        self._orchestrate(airflow)
        self._look(access, sent)
        self._compare(access, sent)
        return self.counts

    def _emulate(self, road: str, service: str) -> None:
        self.talk(f"{service}: sending {self.posts} posts")
        options = ["--count", str(self.posts), "--rate", "max", "--batch-size", "100", "--json"]
        summary = self.engine.one_shot(service, options).answer()
        self._count(road, "gateway", "rows acknowledged", _acknowledged(summary))

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
        self._count("batch", "s3", "records in objects", _totals(stored))

    def _await_stream(self, access: Access, sent: dict[str, Counter[int]]) -> None:
        self.talk("stream: waiting for the streaming job")
        held: dict[str, set[int]] = {}

        def complete() -> bool:
            held.update((e.name, set(tables.keys(access, e, "streaming"))) for e in ENTITIES)
            return all(sent[name].keys() <= keys for name, keys in held.items())

        def state() -> str:
            return ", ".join(
                f"{name} {len(keys & sent[name].keys())} of {len(sent[name])}"
                for name, keys in held.items()
            )

        try:
            wait_for("every post to be in its table", complete, STREAM_LIMIT, 0.5, state)
        except WaitTimeout as timeout:
            raise HopError("stream", str(timeout)) from None
        rows = {name: len(sent[name].keys() & keys) for name, keys in held.items()}
        self.counts.append(HopCount("streaming", "delta", "of them distinct, in the tables", rows))

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
        self.counts.append(HopCount("batch", "delta", "of them distinct, in the tables", rows))

    def _compare(self, access: Access, sent: dict[str, Counter[int]]) -> None:
        """Hold the rows of the posts in the tables of one road against those of the other."""
        equal = {}
        for entity in ENTITIES:
            batch, streaming = (_rows(access, entity, road) for road in ("batch", "streaming"))
            wanted = sent[entity.name].keys()
            differ = sorted(key for key in wanted if batch.get(key) != streaming.get(key))
            if differ:
                raise HopError(
                    "delta",
                    f"{entity.name}: {len(differ)} rows differ between the roads, such as"
                    f" {batch.get(differ[0])} (batch) and {streaming.get(differ[0])} (streaming)",
                )
            equal[entity.name] = len(wanted)
        self.counts.append(HopCount("both", "delta", "rows equal on both roads", equal))

    def _orchestrate(self, airflow: Airflow) -> None:
        """Have Airflow run the batch and check what it wrote, as it does every day on MWAA."""
        run_id = airflow.trigger()
        self.talk(f"airflow: {airflow.url}/dags/{airflow.dag_id}/runs/{run_id}")
        if airflow.ended(run_id, RUN_LIMIT, self.talk)["state"] != "success":
            raise HopError(HOP, f"run {run_id} failed\n{airflow.failures(run_id)}")

    def _count(self, road: str, hop: str, what: str, rows: dict[str, int]) -> None:
        self.counts.append(HopCount(road, hop, what, rows))
        for name, number in rows.items():
            if number != self.posts:
                raise HopError(hop, f"{number} {name} rows of {self.posts}")


def _acknowledged(summary: dict[str, Any]) -> dict[str, int]:
    return {entity.name: summary["entities"][entity.name]["acknowledged"] for entity in ENTITIES}


def _totals(keys: dict[str, Counter[int]]) -> dict[str, int]:
    return {name: found.total() for name, found in keys.items()}


def _rows(access: Access, entity: Entity, road: Road) -> dict[int, dict[str, Any]]:
    name = names.table(access.settings.user_id, entity)
    table = tables.read(access, name, road=road)
    return {row["ind"]: row for row in table.rows} if table else {}


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
