"""A query on the Kinesis source is killed again and again, over a split and a merge of shards.

It appends without looking what's there, so what it has is what the source gave: no record lost,
none twice, and each batch that was done again the same as before.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.spark.sources.appending import Appending
from tests.spark.sources.engine import Engine, running

pytestmark = [pytest.mark.long, pytest.mark.processes, pytest.mark.timeout(1500)]

SPLIT_AFTER, MERGE_AFTER = 1, 3
RECORDS = 20
"""Of each of the puts, which come ten times a second."""


@pytest.fixture
def engine() -> Iterator[Engine]:
    with running() as started:
        yield started


def test_kills_over_a_split_and_a_merge(
    engine: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str], pytestconfig: pytest.Config
) -> None:
    kills = pytestconfig.getoption("--kills")
    assert kills > MERGE_AFTER
    streams = [engine.stream(2), engine.stream(1)]
    appending = Appending(
        tmp_path / "append", engine.endpoint, streams, ROOT / ".build/envs/spark/bin"
    )
    done = threading.Event()

    def send() -> None:
        while not done.wait(0.1):
            for stream in streams:
                stream.put(RECORDS)

    sender = threading.Thread(target=send)
    sender.start()
    moments = random.Random(11)
    try:
        for kill in range(kills):
            process = appending.start()
            batches = len(appending.files()) + moments.choice((1, 2, 5))
            appending.wait_for_batches(batches, process)
            done.wait(moments.uniform(0, 2))  # anywhere in a batch
            appending.kill(process)
            if kill == SPLIT_AFTER:
                streams[0].split(streams[0].open()[0])
            if kill == MERGE_AFTER:
                streams[0].merge(*streams[0].open()[1:3])
    finally:
        done.set()
        sender.join(30)
        for process in appending.processes:
            if process.poll() is None:
                appending.kill(process)
    last = appending.start("--available-now")
    try:
        assert last.wait(300) == 0, appending.log.read_text()
    finally:
        appending.close()
    again = appending.check()
    sent = sum(len(stream.sent) for stream in streams)
    with capsys.disabled():
        print(
            f"\n{kills} kills, {sent} records in {len(appending.appended()[0])} batches,"
            f" {again} done again: none lost, none twice"
        )
