"""``pinpipe demo``: sends posts through both pipelines and counts their rows at every hop.

The counts are those of this run: Kafka's offsets at the start exclude older records. The demo fails
at a hop that lost a row, which the error names, and when the two pipelines store different rows.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeAlias

from contract import names
from contract.entities import ENTITIES, Entity
from hops import kafka, objects, tables
from hops.access import Access
from hops.airflow import HOP, Airflow
from hops.errors import HopError, wait_at
from hops.kafka import Offsets
from hops.tables import Pipeline
from pinpipe.engines.engine import Engine

RUN_LIMIT = 900.0
"""Seconds that the DAG's run may take."""
STREAM_LIMIT = 300.0
"""Seconds until the streaming job has written the posts of Kinesis to the tables."""

Keys: TypeAlias = dict[Entity, Counter[int]]
"""How often each key occurs in the rows of an entity."""


@dataclass
class Demo:
    """One run of the demo on a stack that is up."""

    engine: Engine
    posts: int
    sink_limit: float
    """Seconds that the sink may take to store the records of Kafka."""
    report: Callable[[str], None]
    counts: list[tuple[Any, ...]] = field(default_factory=list)
    """Pipeline or ``both``, hop, what is counted, and the number of rows of each entity."""

    @cached_property
    def access(self) -> Access:
        """Clients of the stack."""
        return Access(self.engine.client_environment)

    def run(self) -> None:
        """Send posts and follow them to the tables.

        Raises:
            HopError: a hop lost a row; ``counts`` has the hops before it.
        """
        # Unpaused first: Airflow then runs the DAG for yesterday, before there are posts.
        airflow = Airflow.of(self.engine, self.access)
        airflow.unpause()
        before = self._ends()
        self._count("both", "source", "rows drawn", {e.name: self.posts for e in ENTITIES})
        self._emulate("batch", "emulator")
        self._emulate("streaming", "emulator-streaming")
        after = self._ends()
        sent = {
            e: _keys(e, (r.value for r in kafka.read(self.access, self._topic(e), before[e], end)))
            for e, end in after.items()
        }
        self._count("batch", "kafka", "records in the topics", _totals(sent))
        self._await_objects(before, sent)
        self._await_stream(sent)
        self._run_dag(airflow)
        self._check_keys(sent)
        self._compare_pipelines(sent)

    def _topic(self, entity: Entity) -> str:
        return names.topic(self.access.settings.user_id, entity)

    def _ends(self) -> dict[Entity, Offsets]:
        return {e: kafka.offsets(self.access, self._topic(e))[1] for e in ENTITIES}

    def _emulate(self, pipeline: str, service: str) -> None:
        self.report(f"{service}: sending {self.posts} posts")
        options = ["--count", str(self.posts), "--rate", "max", "--batch-size", "100", "--json"]
        entities = self.engine.one_shot(service, options).answer()["entities"]
        rows = {e.name: entities[e.name]["acknowledged"] for e in ENTITIES}
        self._count(pipeline, "gateway", "rows acknowledged", rows)

    def _await_objects(self, before: dict[Entity, Offsets], sent: Keys) -> None:
        self.report("s3: waiting for the sink")
        stored: Keys = {}

        def complete() -> bool:
            for entity in ENTITIES:
                if stored.get(entity) != sent[entity]:
                    topic = self._topic(entity)
                    records = objects.records_from(self.access, topic, before[entity])
                    stored[entity] = _keys(entity, records)
            return stored == sent

        def state() -> str:
            return ", ".join(
                f"{e.name} {k.total()} of {sent[e].total()}" for e, k in stored.items()
            )

        wait_at("s3", "every record to be in an object", complete, self.sink_limit, 0.5, state)
        self._count("batch", "s3", "records in objects", _totals(stored))

    def _await_stream(self, sent: Keys) -> None:
        self.report("stream: waiting for the streaming job")
        stored: dict[Entity, set[int]] = {}

        def complete() -> bool:
            stored.update((e, set(tables.keys(self.access, e, "streaming"))) for e in ENTITIES)
            return all(sent[entity].keys() <= keys for entity, keys in stored.items())

        def state() -> str:
            return ", ".join(
                f"{e.name} {len(keys & sent[e].keys())} of {len(sent[e])}"
                for e, keys in stored.items()
            )

        wait_at("stream", "every post to be in its table", complete, STREAM_LIMIT, 0.5, state)
        self._count_keys("streaming", "distinct keys in the tables", sent)

    def _check_keys(self, sent: Keys) -> None:
        for entity, expected in sent.items():
            keys = Counter(tables.keys(self.access, entity))
            twice = [key for key, count in keys.items() if count > 1]
            missing = expected.keys() - keys.keys()
            if twice or missing:
                raise HopError(
                    "delta",
                    f"{entity.name}: {len(missing)} keys missing {sorted(missing)[:5]}, "
                    f"{len(twice)} more than once {sorted(twice)[:5]}",
                )
        self._count_keys("batch", "distinct keys in the tables", sent)

    def _compare_pipelines(self, sent: Keys) -> None:
        """Compare the rows of the posts in the tables of both pipelines."""
        for entity, expected in sent.items():
            batch, streaming = (self._rows(entity, pipeline) for pipeline in ("batch", "streaming"))
            differ = sorted(key for key in expected if batch.get(key) != streaming.get(key))
            if differ:
                raise HopError(
                    "delta",
                    f"{entity.name}: {len(differ)} rows differ between the pipelines, such as"
                    f" {batch.get(differ[0])} (batch) and {streaming.get(differ[0])} (streaming)",
                )
        self._count_keys("both", "rows equal on both pipelines", sent)

    def _rows(self, entity: Entity, pipeline: Pipeline) -> dict[int, dict[str, Any]]:
        name = names.table(self.access.settings.user_id, entity)
        table = tables.read(self.access, name, pipeline=pipeline)
        return {row["ind"]: row for row in table.rows} if table else {}

    def _run_dag(self, airflow: Airflow) -> None:
        """Run the DAG: the batch job and the quality gate, as MWAA does every day."""
        run_id = airflow.trigger()
        self.report(f"airflow: {airflow.url}/dags/{airflow.dag_id}/runs/{run_id}")
        if airflow.ended(run_id, RUN_LIMIT, self.report)["state"] != "success":
            raise HopError(HOP, f"run {run_id} failed\n{airflow.failures(run_id)}")

    def _count(self, pipeline: str, hop: str, what: str, rows: dict[str, int]) -> None:
        self.counts.append((pipeline, hop, what, *rows.values()))
        for name, number in rows.items():
            if number != self.posts:
                raise HopError(hop, f"{number} {name} rows of {self.posts}")

    def _count_keys(self, pipeline: str, what: str, sent: Keys) -> None:
        """Count the distinct keys, all of which are in the tables; a key may be sent twice."""
        self.counts.append((pipeline, "delta", what, *map(len, sent.values())))


def _keys(entity: Entity, records: Iterable[bytes | None]) -> Counter[int]:
    return Counter(json.loads(record or b"null")[entity.key] for record in records)


def _totals(keys: Keys) -> dict[str, int]:
    return {entity.name: found.total() for entity, found in keys.items()}
