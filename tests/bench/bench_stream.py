"""The streaming pipeline on the whole stack: freshness of rows, a backlog, and the load at rest.

Posts are sent at a steady rate, one record to each of the three streams, once directly to Kinesis
and once through API Gateway, while all three queries run. A row can be read when its table's commit
exists; each table is checked for its next commit every ``POLL_INTERVAL`` seconds, so that a
measured age is too long by up to that. Then a backlog arrives at once, and is compared with a bare
reader of the same records. Last, the job gets no records and its use of the machine is measured.
The bench asserts no speed, only that every row arrived.
"""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from io import BytesIO
from statistics import median, quantiles
from typing import Any

import psutil
import pyarrow.parquet as pq
import pytest
import requests
from botocore.exceptions import ClientError

from contract import names
from contract.entities import ENTITIES, Entity
from emulator.dataset.generate import blocks
from hops import kinesis, tables
from hops.access import Access
from tests.conftest import Stack
from tests.support.data import lines
from tests.support.processor import family
from tests.support.waiting import wait_for

FIRST, RATE, SECONDS, BACKLOG = 200, 20, 60, 5_000
"""Posts that show that the job runs, posts/s, for how many seconds, and posts of the backlog."""
WARM = 150
"""Seconds at that rate before the first measured post: Java's compilers are busy until then, and
for some minutes more."""
POLL_INTERVAL = 0.2
AT_REST, MEMORY_INTERVAL, SAMPLE_AT_REST = 600, 60, 5
"""Seconds without records, and between two measurements of memory and of processor time."""

pytestmark = [pytest.mark.processes, pytest.mark.timeout(1800)]

Send = Callable[[Entity, int, str], None]
"""Sends a record: its entity, its key, its JSON."""


@dataclass
class Commits:
    """When each commit of a table was first seen, by its version."""

    access: Access
    entity: Entity
    seen: dict[int, float] = field(default_factory=dict)
    version: int = -1

    def __post_init__(self) -> None:
        uri = tables.uri_of(
            self.access, names.table(self.access.settings.user_id, self.entity), "streaming"
        )
        self.bucket, _, self.prefix = uri.removeprefix("s3://").partition("/")
        while self._exists(self.version + 1):
            self.version += 1

    def update(self) -> None:
        """Record the time of new commits."""
        while self._exists(self.version + 1):
            self.version += 1
            self.seen[self.version] = time.time()

    def rows(self) -> Iterator[tuple[int, float]]:
        """Yield the key of each row in those commits, and when it could be read."""
        for version, at in self.seen.items():
            for line in self._get(self._commit(version)).splitlines():
                added = json.loads(line).get("add")
                if added and added["dataChange"]:
                    content = BytesIO(self._get(f"{self.prefix}/{added['path']}"))
                    for key in pq.read_table(content, columns=["ind"])["ind"].to_pylist():
                        yield key, at

    def _commit(self, version: int) -> str:
        return f"{self.prefix}/_delta_log/{version:020d}.json"

    def _get(self, key: str) -> bytes:
        return self.access.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()

    def _exists(self, version: int) -> bool:
        try:
            self.access.s3.head_object(Bucket=self.bucket, Key=self._commit(version))
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] != 404:
                raise
            return False
        return True


@dataclass
class Posts:
    """Posts of the generated dataset that were not sent yet."""

    next: int = 0

    def __post_init__(self) -> None:
        block = next(blocks())
        self.rows = {entity: block.rows(entity) for entity in ENTITIES}

    def take(self, number: int) -> Iterator[tuple[Entity, int, str]]:
        """Yield the records of the next posts."""
        for entity in ENTITIES:
            rows = self.rows[entity][self.next : self.next + number]
            for row, line in zip(rows, lines(entity, rows), strict=True):
                yield entity, row[entity.key], line
        self.next += number


@pytest.fixture(scope="module")
def posts(access: Access) -> Posts:
    """Posts, after the first of them are in their tables and Spark is warm."""
    made = Posts()
    for records, limit in ((FIRST, 180), (RATE * WARM, 60)):
        steadily(list(made.take(records)), direct(access))
        wait_for("the first rows", lambda: stored_posts(access) >= made.next, limit, 1)
    return made


def stored_posts(access: Access) -> int:
    """Return the number of rows in the table with the fewest."""
    return min(len(tables.keys(access, entity, "streaming")) for entity in ENTITIES)


def burst(access: Access, records: list[tuple[Entity, int, str]]) -> None:
    """Put records as quickly as Kinesis takes them."""
    for entity in ENTITIES:
        own: list[Any] = [
            {"Data": line.encode(), "PartitionKey": str(key)}
            for of, key, line in records
            if of is entity
        ]
        stream = names.stream(access.settings.user_id, entity)
        for at in range(0, len(own), 500):
            answer = access.kinesis.put_records(StreamName=stream, Records=own[at : at + 500])
            assert answer["FailedRecordCount"] == 0


def direct(access: Access) -> Send:
    """Return a function that sends directly to Kinesis."""

    def send(entity: Entity, key: int, line: str) -> None:
        access.kinesis.put_record(
            StreamName=names.stream(access.settings.user_id, entity),
            Data=line.encode(),
            PartitionKey=str(key),
        )

    return send


def by_gateway(access: Access) -> Send:
    """Return a function that sends through API Gateway, as the emulator does."""
    session = requests.Session()

    def send(entity: Entity, key: int, line: str) -> None:
        stream = names.stream(access.settings.user_id, entity)
        answer = session.put(
            f"{access.settings.gateway_invoke_url}/streams/{stream}/record",
            json={
                "StreamName": stream,
                "Data": json.loads(line),
                "PartitionKey": str(key),
            },
            timeout=30,
        )
        answer.raise_for_status()

    return send


def steadily(records: list[tuple[Entity, int, str]], send: Send) -> dict[tuple[str, int], float]:
    """Send the three records of each post at the rate; return when each was sent."""
    by_post = [records[at :: len(records) // 3] for at in range(len(records) // 3)]
    sent, begun = {}, time.monotonic()
    for number, post in enumerate(by_post):
        time.sleep(max(0.0, begun + number / RATE - time.monotonic()))  # keeps the rate
        for entity, key, line in post:
            sent[entity.name, key] = time.time()
            send(entity, key, line)
    return sent


@pytest.mark.parametrize("route", [direct, by_gateway], ids=["kinesis", "gateway"])
def test_freshness(
    access: Access,
    posts: Posts,
    route: Callable[[Access], Send],
    say: Callable[..., None],
) -> None:
    records = list(posts.take(RATE * SECONDS))
    watched = [Commits(access, entity) for entity in ENTITIES]
    end = threading.Event()

    def watch() -> None:
        while not end.wait(POLL_INTERVAL):
            for one in watched:
                one.update()

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        sent = steadily(records, route(access))
        wait_for("the last rows", lambda: stored_posts(access) >= posts.next, 120, 1)
    finally:
        end.set()
        watcher.join(30)
    for one in watched:
        one.update()
    ages = {
        (one.entity.name, key): at - sent[one.entity.name, key]
        for one in watched
        for key, at in one.rows()
        if (one.entity.name, key) in sent
    }
    assert len(ages) == len(sent) == 3 * RATE * SECONDS
    found = sorted(ages.values())
    cuts = quantiles(found, n=100)
    say(
        f"put to row, {RATE} posts/s, {route.__name__.replace('_', ' ')}, {len(found)} rows in"
        f" {sum(len(one.seen) for one in watched)} commits:"
        f" p50 {median(found):.2f} s, p95 {cuts[94]:.2f} s, most {found[-1]:.2f} s",
    )


def test_a_backlog(access: Access, posts: Posts, say: Callable[..., None]) -> None:
    records = list(posts.take(BACKLOG))
    begun = time.perf_counter()
    burst(access, records)
    put = time.perf_counter()
    wait_for("the backlog's rows", lambda: stored_posts(access) >= posts.next, 300, 0.5)
    done = time.perf_counter()
    read = time.perf_counter()
    total = sum(
        1
        for entity in ENTITIES
        for _ in kinesis.read(access, names.stream(access.settings.user_id, entity))
    )
    bare = time.perf_counter() - read
    assert total == 3 * posts.next
    into, plain = len(records) / (done - begun), total / bare
    say(
        f"into Delta: {len(records):,} records in {done - begun:.1f} s ({put - begun:.1f} s of it"
        f" putting), {into:,.0f} records/s; bare reader {plain:,.0f} records/s,"
        f" ratio {into / plain:.2f}",
    )


def test_at_rest(stack: Stack, access: Access, posts: Posts, say: Callable[..., None]) -> None:
    assert stored_posts(access) >= posts.next
    job = stack.pid("stream")
    used, begun, memory = ProcessorTime(job), time.monotonic(), [resident(job)]
    while (passed := time.monotonic() - begun) < AT_REST:
        time.sleep(min(SAMPLE_AT_REST, AT_REST - passed))
        used.update()
        if time.monotonic() - begun >= len(memory) * MEMORY_INTERVAL:
            memory.append(resident(job))
    share = used.seconds / (time.monotonic() - begun)
    say(
        f"at rest for {AT_REST} s: {share:.1%} of a core, MiB each {MEMORY_INTERVAL} s: "
        + " ".join(f"{mib:.0f}" for mib in memory),
    )


class ProcessorTime:
    """Processor time of the job's processes from now on.

    The time of an ended process since the last sample is missing.
    """

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._seen: dict[tuple[int, float], float] = {}
        self.seconds = 0.0
        self.update()
        self.seconds = 0.0  # from now on

    def update(self) -> None:
        """Add the time used since the previous sample."""
        for process in family(self._pid):
            with suppress(psutil.NoSuchProcess):
                key = process.pid, process.create_time()
                times = process.cpu_times()
                total = times.user + times.system
                self.seconds += total - self._seen.get(key, 0.0)
                self._seen[key] = total


def resident(pid: int) -> float:
    """Return the MiB of memory of the job's processes; shared memory counts once."""
    return sum(process.memory_full_info().pss for process in family(pid)) / 2**20
