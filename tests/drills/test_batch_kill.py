"""The batch job is killed, run twice and suspended during a merge: the tables stay right."""

import json
import os
import signal
import subprocess
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from contract import names
from contract.entities import ENTITIES, GEO, PIN, Entity
from emulator.dataset.generate import blocks
from hops import tables
from hops.access import Access
from tests.support import pipelines
from tests.support.data import arrow, lines
from tests.support.oracle import Oracle
from tests.support.waiting import wait_for

POSTS, PER_OBJECT = 2000, 500
ODD = [json.dumps([number]) for number in range(7)]
"""Records for the quarantine of the geo rows."""

ONE_BY_ONE = {
    "SPARK_OPTIONS": "--conf spark.master=local[1] --conf spark.sql.adaptive.enabled=false"
    " --conf spark.sql.shuffle.partitions=4"
}
"""A cluster of one core, on which a merge writes its files one after the other."""

JVM_NOTICE = "Using incubator modules"
"""Message of every JVM with Spark's options."""


@dataclass
class Job:
    """A running batch job."""

    process: subprocess.Popen[str]
    ended: bool = False
    """Whether all its processes have ended; they share its pipes."""

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to all its processes: Python and the JVM that it started."""
        os.killpg(self.process.pid, number)

    def end(self, limit: float = 400) -> tuple[int, str, str]:
        """Wait for the end; return exit code, stdout, and stderr without the JVM's notice."""
        out, err = self.process.communicate(timeout=limit)
        self.ended = True
        messages = "".join(line for line in err.splitlines(True) if JVM_NOTICE not in line)
        return self.process.returncode, out, messages


@dataclass
class Lake:
    """Objects in the form of the S3 sink and their tables, below a prefix of its own."""

    stack: Any
    name: str = field(default_factory=lambda: f"drill-{uuid.uuid4().hex[:8]}")
    jobs: list[Job] = field(default_factory=list)
    _commits: dict[str, set[str]] = field(default_factory=dict)
    """Data files that a commit names, by its key, because commits never change."""

    def __post_init__(self) -> None:
        bucket = self.stack.settings.bucket
        self.variables = {"DELTA_ROOT": f"s3://{bucket}/{self.name}/delta"}
        self.access = Access({**self.stack.environment, **self.variables})
        self.bucket, self.user_id = bucket, self.stack.settings.user_id

    def fill(self) -> None:
        """Store the first posts of the source, and a few records for the quarantine."""
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
        """Kill the jobs that a failed test has left."""
        for job in self.jobs:
            if not job.ended:
                job.signal(signal.SIGKILL)
                job.end()
        self.access.s3.close()

    def uncommitted(self) -> set[str]:
        """Return the data files in the cleaned tables' folders that no commit names."""
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
        """Suspend the job between the files of a merge and the commit; return the files."""

        def suspended() -> set[str]:
            if job.process.poll() is not None:
                raise AssertionError(f"the job has ended: {job.end()}")
            if not self.uncommitted():
                return set()
            job.signal(signal.SIGSTOP)
            found = self.uncommitted()  # final, because the job is suspended
            if not found:
                job.signal(signal.SIGCONT)
            return found

        return wait_for("a merge without its commit", suspended, 200, 0.2)

    def versions(self) -> dict[str, int]:
        """Return the version of every table."""
        quarantines = [names.quarantine_table(self.user_id, entity) for entity in ENTITIES]
        found = {name: tables.read(self.access, name) for name in quarantines}
        found |= pipelines.made(self.access)
        return {name: table.version for name, table in found.items() if table}

    def check(self) -> None:
        """Compare tables, quarantine and the nine results with those of DuckDB from the source."""
        oracle = Oracle(*(arrow(entity, self.rows[entity]) for entity in ENTITIES))
        pipelines.check(self.access, oracle)
        assert self._quarantined(GEO) == ODD
        assert self._quarantined(PIN) == []

    def _quarantined(self, entity: Entity) -> list[str]:
        return sorted(row["raw"] for row in tables.quarantined(self.access, entity))


pytestmark = [pytest.mark.long, pytest.mark.processes, pytest.mark.timeout(900)]


@pytest.fixture
def lake(stack: Any) -> Iterator[Lake]:
    made = Lake(stack)
    try:
        made.fill()
        yield made
    finally:
        made.close()


def test_a_run_after_kill_9_in_a_merge(lake: Lake) -> None:
    killed = lake.start(environment=ONE_BY_ONE)
    written = lake.suspend_in_a_merge(killed)
    killed.signal(signal.SIGKILL)
    assert killed.end()[0] == -signal.SIGKILL
    assert lake.uncommitted() == written

    code, _, err = lake.start().end()
    assert (code, err) == (0, "")  # without a wait for the lock of the killed process
    assert lake.uncommitted() == written  # leftover files, which no reader uses
    lake.check()
    versions = lake.versions()
    assert lake.start().end()[0] == 0
    assert lake.versions() == versions


def test_kill_9_of_the_python_process_alone(lake: Lake) -> None:
    """The JVM is an orphan for a moment, and may still make its commit."""
    killed = lake.start(environment=ONE_BY_ONE)
    lake.suspend_in_a_merge(killed)
    os.kill(killed.process.pid, signal.SIGKILL)
    killed.process.wait(10)
    again = lake.start()
    killed.signal(signal.SIGCONT)
    assert killed.end()[0] == -signal.SIGKILL
    code, _, err = again.end()
    if code != 0:  # the orphan's commit came first, and the next run finds it
        assert "DELTA_CONCURRENT" in err
        assert lake.start().end()[0] == 0
    lake.check()


def test_two_runs_at_once_write_one_after_the_other(lake: Lake) -> None:
    jobs = [lake.start(), lake.start()]
    ends = [job.end() for job in jobs]
    assert [code for code, _, _ in ends] == [0, 0]
    first = 0 if ends[1][2] else 1
    assert ends[first][2] == ""
    other = f"waiting for the run with pid {jobs[first].process.pid} on "
    assert ends[1 - first][2].startswith(other)
    lake.check()


def test_a_suspended_run_that_wakes_up_changes_nothing(lake: Lake) -> None:
    suspended = lake.start(environment=ONE_BY_ONE)
    lake.suspend_in_a_merge(suspended)
    owner = f"the run with pid {suspended.process.pid} on "
    code, _, err = lake.start("--wait", "1").end()
    assert code == 1
    assert owner in err
    assert "still writes the tables" in err

    code, _, err = lake.start().end()  # waits until the lock is 30 s old, and takes it over
    assert code == 0, err
    assert err.startswith(f"waiting for {owner}")
    lake.check()
    versions = lake.versions()

    suspended.signal(signal.SIGCONT)
    code, out, err = suspended.end()
    assert (code, out) == (1, "")
    assert "run_batch: reading new objects failed: [DELTA_CONCURRENT_APPEND" in err
    assert lake.versions() == versions
    lake.check()
