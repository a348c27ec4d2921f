"""What the drills of the batch job share: objects and tables of a test's own, and a job on them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import uuid
from dataclasses import dataclass, field
from typing import Any

from contract import names
from contract.entities import ENTITIES, GEO, PIN, Entity
from contract.results import RESULTS
from emulator.dataset.generate import blocks
from stack.hops import tables
from stack.hops.access import Access
from stack.waiting import wait_for
from tests.spark.data import arrow, lines
from tests.spark.oracle import Oracle, plain

POSTS, PER_OBJECT = 2000, 500
ODD = [json.dumps([number]) for number in range(7)]
"""Records that go to the quarantine of the geo rows."""

ONE_BY_ONE = {
    "SPARK_OPTIONS": "--conf spark.master=local[1] --conf spark.sql.adaptive.enabled=false"
    " --conf spark.sql.shuffle.partitions=4"
}
"""A cluster of one core, on which a merge writes its files one after the other."""

JVM_TALK = "Using incubator modules"
"""What every JVM with Spark's options says."""


@dataclass
class Job:
    """A batch job that runs."""

    process: subprocess.Popen[str]
    ended: bool = False
    """All its processes, that is: they share its pipes."""

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to all its processes: Python and the JVM that it started."""
        os.killpg(self.process.pid, number)

    def end(self, limit: float = 400) -> tuple[int, str, str]:
        """Wait for it; return exit code, stdout, and what it said on stderr."""
        out, err = self.process.communicate(timeout=limit)
        self.ended = True
        said = "".join(line for line in err.splitlines(True) if JVM_TALK not in line)
        return self.process.returncode, out, said


@dataclass
class Lake:
    """Objects as the sink stores them, and the tables made of them, below a prefix of its own."""

    stack: Any
    name: str = field(default_factory=lambda: f"drill-{uuid.uuid4().hex[:8]}")
    jobs: list[Job] = field(default_factory=list)
    _commits: dict[str, set[str]] = field(default_factory=dict)
    """Data files that a commit names, by its key: it never changes."""

    def __post_init__(self) -> None:
        bucket = self.stack.settings.bucket
        self.variables = {"DELTA_ROOT": f"s3://{bucket}/{self.name}/delta"}
        self.access = Access({**self.stack.environment, **self.variables})
        self.bucket, self.user_id = bucket, self.stack.settings.user_id

    def fill(self) -> None:
        """Store the first posts of the source, each of them, and a few odd records."""
        self.rows = {e: next(blocks()).rows(e)[:POSTS] for e in ENTITIES}
        for entity, rows in self.rows.items():
            records = [*lines(entity, rows), *(ODD if entity is GEO else [])]
            for offset in range(0, len(records), PER_OBJECT):
                key = names.object_key(names.topic(self.user_id, entity), 0, offset)
                chunk = records[offset : offset + PER_OBJECT]
                body = "".join(f"{record}\n" for record in chunk).encode()
                self.access.s3.put_object(Bucket=self.bucket, Key=f"{self.name}/{key}", Body=body)

    def start(self, *arguments: str, environment: dict[str, str] | None = None) -> Job:
        """Start the job."""
        objects = f"s3://{self.bucket}/{self.name}/{names.TOPICS_DIR}"
        variables = self.variables | (environment or {})
        job = Job(
            self.stack.spawn(
                "spark", "--json", "--objects", objects, *arguments, environment=variables
            )
        )
        self.jobs.append(job)
        return job

    def close(self) -> None:
        """End the jobs that a failed test has left."""
        for job in self.jobs:
            if not job.ended:
                job.signal(signal.SIGKILL)
                job.end()
        self.access.s3.close()

    def uncommitted(self) -> set[str]:
        """Data files in a cleaned table's folder that no commit of the table names."""
        folders = [names.table(self.user_id, entity) for entity in ENTITIES]
        pages = self.access.s3.get_paginator("list_objects_v2").paginate(
            Bucket=self.bucket, Prefix=f"{self.name}/delta/batch/{self.user_id}_"
        )
        keys = [item["Key"] for page in pages for item in page.get("Contents", ())]
        keys = [key for key in keys if key.split("/")[3] in folders]
        for key in keys:
            if key.endswith(".json") and key not in self._commits:
                body = self.access.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()
                actions = [json.loads(line) for line in body.splitlines()]
                folder = key.partition("_delta_log/")[0]
                self._commits[key] = {folder + a["add"]["path"] for a in actions if "add" in a}
        return {key for key in keys if key.endswith(".parquet")}.difference(*self._commits.values())

    def suspend_in_a_merge(self, job: Job) -> set[str]:
        """Suspend the job when it has written files of a merge and not committed it; name them."""

        def suspended() -> set[str]:
            if job.process.poll() is not None:
                raise AssertionError(f"the job has ended: {job.end()}")
            if not self.uncommitted():
                return set()
            job.signal(signal.SIGSTOP)
            found = self.uncommitted()  # which stays so now
            if not found:
                job.signal(signal.SIGCONT)
            return found

        return wait_for("a merge without its commit", suspended, 200, 0.2)

    def versions(self) -> dict[str, int]:
        """The version of every table."""
        made = [names.table(self.user_id, e) for e in ENTITIES]
        made += [names.quarantine_table(self.user_id, e) for e in ENTITIES]
        made += [names.result_table(self.user_id, r.name) for r in RESULTS]
        found = {name: tables.read(self.access, name) for name in made}
        return {name: table.version for name, table in found.items() if table}

    def check(self) -> None:
        """Hold tables, quarantine and the nine results against DuckDB's on the source."""
        oracle = Oracle(*(arrow(entity, self.rows[entity]) for entity in ENTITIES))
        for entity in ENTITIES:
            table = tables.read(self.access, names.table(self.user_id, entity))
            assert table is not None
            found = [plain(row) for row in table.rows]
            assert len(found) == POSTS
            assert {row[0]: row for row in found} == oracle.cleaned(entity.name)
        assert self._quarantined(GEO) == ODD
        assert self._quarantined(PIN) == []
        for result in RESULTS:
            table = tables.result(self.access, result)
            assert table is not None
            rows = [plain(row) for row in table.rows]
            assert len(rows) == len(set(rows))
            assert set(rows) == oracle.result(result.name), f"result {result.name}"

    def _quarantined(self, entity: Entity) -> list[str]:
        return sorted(row["raw"] for row in tables.quarantined(self.access, entity))
