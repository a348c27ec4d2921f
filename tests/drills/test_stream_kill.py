"""The streaming job is killed repeatedly under load: each post is in its table once.

Meanwhile a shard is split, two are merged, and Kinesis is unavailable for a while. The drill has an
engine of its own, so that the streams contain no other records; the tables are in a folder.
"""

import json
import random
import threading
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from pathlib import Path

import pytest

from contract import names
from contract.entities import ENTITIES, Entity
from contract.settings import Settings
from emulator.dataset.generate import blocks
from hops import tables
from hops.access import Access
from tests.support import ROOT
from tests.support.data import arrow, lines
from tests.support.engine import Engine, FaultProxy, Stream
from tests.support.oracle import Oracle
from tests.support.program import Program, spark_environment

pytestmark = [pytest.mark.long, pytest.mark.processes, pytest.mark.timeout(1500)]

POSTS, SHARDS = 10_000, 3
AT_ONCE, PAUSE = 25, 0.5
"""Records of one request to a stream, and seconds between two requests."""
IN_PLANNING, IN_READING, IN_WRITING, IN_COMMIT = range(4)
"""Numbers of the kills at these moments; the other kills come at random moments."""
SPLIT_AFTER, MERGE_AFTER, OUTAGE_AFTER = 1, 2, 3
OUTAGE = 5.0
ID = Settings.from_environ({}).user_id


class Job(Program):
    """The streaming job on a folder, and the moments at which it can be killed."""

    def __init__(self, folder: Path, endpoint: str) -> None:
        folder.mkdir()
        self.folder = folder
        self.alive = folder / "run/data/stream/alive"
        super().__init__(
            [ROOT / "spark/stream.sh", "--interval", "0.5"],
            spark_environment(
                folder,
                DELTA_ROOT=str(folder / "delta"),
                AWS_ENDPOINT_URL=endpoint,
                AWS_ACCESS_KEY_ID="test",
                AWS_SECRET_ACCESS_KEY="test",
            ),
            folder / "log",
        )

    def wait_until(self, what: str, fact: Callable[[], object]) -> None:
        """Wait for a fact while the job runs."""
        self.wait(what, fact, 120, 0.005)

    def planned(self) -> bool:
        """Return whether a batch of any stream is planned and not committed."""
        checkpoints = self.folder / "run/data/stream/checkpoints"
        return any(
            not (offset.parents[1] / "commits" / offset.name).exists()
            for offset in checkpoints.glob("*/offsets/[0-9]*")
        )

    def files(self) -> set[Path]:
        """Return the data files of the cleaned tables, also uncommitted ones."""
        return set(self.folder.glob("delta/streaming/*_table/*.parquet"))

    def commits(self) -> set[Path]:
        """Return the commits of the cleaned tables."""
        return set(self.folder.glob("delta/streaming/*_table/_delta_log/*.json"))


@pytest.fixture
def proxy(engine: Engine) -> Iterator[FaultProxy]:
    with FaultProxy(engine) as opened:
        yield opened


@pytest.fixture
def job(tmp_path: Path, proxy: FaultProxy) -> Iterator[Job]:
    with Job(tmp_path / "a job", proxy.endpoint) as made:
        yield made


def more(list_files: Callable[[], set[Path]], before: set[Path]) -> bool:
    """Return whether there are new files."""
    return bool(list_files() - before)


def send(stream: Stream, entity: Entity, begun: threading.Event, end: threading.Event) -> None:
    """Put every post once, a few at a time, and after ``end`` the rest without pauses."""
    rows = next(blocks()).rows(entity)[:POSTS]
    records = (
        {"Data": line.encode(), "PartitionKey": str(row[entity.key])}
        for row, line in zip(rows, lines(entity, rows), strict=True)
    )
    while batch := list(islice(records, AT_ONCE)):
        answer = stream.client.put_records(StreamName=stream.name, Records=batch)
        assert answer["FailedRecordCount"] == 0
        begun.set()
        end.wait(PAUSE)


def test_kills_during_a_reshard_and_an_outage(
    engine: Engine, proxy: FaultProxy, job: Job, pytestconfig: pytest.Config
) -> None:
    kills = pytestconfig.getoption("--kills")
    assert kills > OUTAGE_AFTER, "too few kills for the split, the merge and the outage"
    streams = {e: Stream(engine.client, names.stream(ID, e)) for e in ENTITIES}
    begun, end = threading.Event(), threading.Event()
    for stream in streams.values():
        stream.create(SHARDS)
    senders = [
        threading.Thread(target=send, args=(streams[entity], entity, begun, end))
        for entity in ENTITIES
    ]
    for sender in senders:
        sender.start()
    moments = random.Random(11)
    try:
        assert begun.wait(30)
        for kill in range(kills):
            job.alive.unlink(missing_ok=True)
            files, commits = job.files(), job.commits()
            job.launch()
            if kill == IN_PLANNING:
                job.wait_until("it reads a stream", lambda: "GetRecords" in proxy.calls)
                assert not job.planned()
            elif kill == IN_READING:
                job.wait_until("it has planned a batch", job.planned)
            elif kill == IN_WRITING:
                job.wait_until("it writes a file", partial(more, job.files, files))
            elif kill == IN_COMMIT:
                job.wait_until("it commits", partial(more, job.commits, commits))
            else:
                job.wait_until("all queries run", job.alive.exists)
                end.wait(moments.uniform(0, 6))  # anywhere in a batch
            job.kill()
            pin = streams[ENTITIES[0]]
            if kill == SPLIT_AFTER:
                pin.split(pin.open()[0])
            if kill == MERGE_AFTER:
                pin.merge(*pin.open()[1:3])
            if kill == OUTAGE_AFTER:
                proxy.down = True
                threading.Timer(OUTAGE, setattr, (proxy, "down", False)).start()
    finally:
        end.set()
        for sender in senders:
            sender.join(60)
    assert not any(sender.is_alive() for sender in senders)
    last = job.launch("--once")
    assert last.wait(300) == 0, job.log.read_text()
    check(job)


def check(job: Job) -> None:
    """Compare tables and metrics with the sent posts."""
    access = Access({"DELTA_ROOT": job.environment["DELTA_ROOT"]})
    block = next(blocks())
    sent = {entity: block.rows(entity)[:POSTS] for entity in ENTITIES}
    oracle = Oracle(*(arrow(entity, sent[entity]) for entity in ENTITIES))
    live = tables.live(access)
    assert live is not None
    counted = {(row["stream"], row["metric"], row["window"]): row["value"] for row in live.rows}
    for entity in ENTITIES:
        table = tables.read(access, names.table(ID, entity), pipeline="streaming")
        assert table is not None
        oracle.check_cleaned(entity.name, table.rows)
        arrivals = tables.read(
            access, names.arrivals_table(ID, entity), ("ind",), pipeline="streaming"
        )
        assert arrivals is not None
        assert len(arrivals.rows) == len({row["ind"] for row in arrivals.rows}) == POSTS
        posts = counted[names.stream(ID, entity), "posts", "hour"]
        assert posts == POSTS, json.dumps(live.rows, default=str)
