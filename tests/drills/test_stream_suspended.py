"""The streaming job is suspended within a commit, for longer than its lock lasts, and wakes up.

Another run has taken the lock over by then. Each post is in its tables once, and the first run ends
with the reason. The tables are in a bucket, as the lock of a folder ends with its process only.
"""

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from contract import names
from contract.entities import ENTITIES, GEO
from contract.settings import Settings
from emulator.dataset.generate import blocks
from hops import tables
from hops.access import Access
from tests.support import ROOT
from tests.support.data import lines
from tests.support.localstack import LocalStack
from tests.support.program import Program, spark_environment

pytestmark = [pytest.mark.long, pytest.mark.processes, pytest.mark.timeout(1500)]

POSTS, FIRST = 400, 40
ID = Settings.from_environ({}).user_id
ROOT_URI = f"s3://{names.bucket(ID)}/drill"


@pytest.fixture
def localstack(tmp_path: Path) -> Iterator[LocalStack]:
    with LocalStack(tmp_path / "local stack", "http://127.0.0.1:1") as started:
        yield started


class Posts:
    """Posts that are sent bit by bit."""

    def __init__(self, kinesis: Any) -> None:
        self.kinesis, self.sent = kinesis, 0
        block = next(blocks())
        self.lines = {e: list(lines(e, block.rows(e)[:POSTS])) for e in ENTITIES}

    def send(self, number: int) -> None:
        """Send the next posts."""
        for entity in ENTITIES:
            found = self.lines[entity][self.sent : self.sent + number]
            records = [{"Data": line.encode(), "PartitionKey": "k"} for line in found]
            if records:
                self.kinesis.put_records(StreamName=names.stream(ID, entity), Records=records)
        self.sent = min(POSTS, self.sent + number)


class Table:
    """Files and commits of the table of the geo rows."""

    def __init__(self, s3: Any) -> None:
        self.s3, self.bucket = s3, names.bucket(ID)
        self.prefix = f"drill/streaming/{names.table(ID, GEO)}/"

    def uncommitted(self) -> bool:
        """Return whether there are more data files than commits that could name them."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(
            Bucket=self.bucket, Prefix=self.prefix
        )
        keys = [item["Key"] for page in pages for item in page.get("Contents", ())]
        newest = max((k for k in keys if k.endswith(".json")), default=None)
        files = [k for k in keys if k.endswith(".parquet") and "_delta_log" not in k]
        if newest is None or not files:
            return False
        named = b"".join(
            self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()
            for key in keys
            if key.endswith(".json")
        )
        return any(key.rpartition("/")[2].encode() not in named for key in files)


def run(folder: Path, localstack: LocalStack) -> Program:
    """Return a run of the job, with checkpoints of its own."""
    folder.mkdir()
    variables = {**localstack.access, "DELTA_ROOT": ROOT_URI}
    return Program(
        [ROOT / "spark/stream.sh", "--interval", "0.5", "--wait", "300"],
        spark_environment(folder, **variables),
        folder / "log",
    )


def test_a_run_that_wakes_up_behind_its_lock_adds_nothing(
    localstack: LocalStack, tmp_path: Path
) -> None:
    posts, table = Posts(localstack.client("kinesis")), Table(localstack.client("s3"))
    access = Access({**localstack.access, "DELTA_ROOT": ROOT_URI})

    def stored() -> int:
        return min(len(tables.keys(access, entity, "streaming")) for entity in ENTITIES)

    with (
        run(tmp_path / "first", localstack) as first,
        run(tmp_path / "second", localstack) as second,
    ):
        first.launch()
        posts.send(FIRST)
        first.wait("the first posts are in the tables", lambda: stored() >= FIRST, 300, 1)

        def suspended() -> bool:
            first.signal(signal.SIGSTOP)
            if table.uncommitted():
                return True
            first.signal(signal.SIGCONT)
            if stored() == posts.sent:
                posts.send(2)
            return False

        first.wait("it is within a commit", suspended, 300, 0.05)
        begun = posts.sent
        second.launch()
        second.wait("the second run has their rows", lambda: stored() >= begun, 300, 1)
        posts.send(FIRST)
        second.wait("it continues", lambda: stored() >= posts.sent, 120, 1)
        first.signal(signal.SIGCONT)
        assert first.process is not None
        assert first.process.wait(120) == 1
        last = first.log.read_text().splitlines()[-1]
        assert "another run" in last
        posts.send(FIRST)
        second.wait("it still writes", lambda: stored() >= posts.sent, 120, 1)
        assert second.stop(60) == 0
    for entity in ENTITIES:
        keys = tables.keys(access, entity, "streaming")
        assert len(keys) == len(set(keys)) == posts.sent
        name = names.arrivals_table(ID, entity)
        counted = tables.read(access, name, ("ind",), pipeline="streaming")
        assert counted is not None
        assert sorted(row["ind"] for row in counted.rows) == sorted(keys)
