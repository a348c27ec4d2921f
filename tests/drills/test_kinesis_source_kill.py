"""A query on the Kinesis source is killed repeatedly, during a split and a merge of shards.

The query appends without a check for duplicates, so the test sees the records of the source: none
is lost or repeated, and each batch that is read again has the same rows.
"""

import random
import threading
from pathlib import Path

import pytest

from tests.support.appending import Appending
from tests.support.engine import Engine

pytestmark = [pytest.mark.long, pytest.mark.processes, pytest.mark.timeout(1500)]

SPLIT_AFTER, MERGE_AFTER = 1, 3
RECORDS = 20
"""Records of each put; there are ten puts a second."""


def test_kills_during_a_split_and_a_merge(
    engine: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str], pytestconfig: pytest.Config
) -> None:
    kills = pytestconfig.getoption("--kills")
    assert kills > MERGE_AFTER
    streams = [engine.stream(2), engine.stream(1)]
    appending = Appending(tmp_path / "append", engine.endpoint, streams)
    done = threading.Event()

    def send() -> None:
        while not done.wait(0.1):
            for stream in streams:
                stream.put(RECORDS)

    sender = threading.Thread(target=send)
    sender.start()
    moments = random.Random(11)
    with appending:
        try:
            for kill in range(kills):
                appending.launch()
                appending.wait_for_batches(len(appending.files()) + moments.choice((1, 2, 5)))
                done.wait(moments.uniform(0, 2))  # anywhere in a batch
                appending.kill()
                if kill == SPLIT_AFTER:
                    streams[0].split(streams[0].open()[0])
                if kill == MERGE_AFTER:
                    streams[0].merge(*streams[0].open()[1:3])
        finally:
            done.set()
            sender.join(30)
        last = appending.launch("--available-now")
        assert last.wait(300) == 0, appending.log.read_text()
    again = appending.check()
    sent = sum(len(stream.sent) for stream in streams)
    with capsys.disabled():
        print(
            f"\n{kills} kills, {sent} records in {len(appending.appended()[0])} batches,"
            f" {again} done again: none lost, none twice"
        )
