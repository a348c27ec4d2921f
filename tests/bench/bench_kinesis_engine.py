"""The Kinesis engine with its database, compared with one in memory in the same run.

Both take and return the same records, one after the other. The last lines have a thousand streams:
the time in which the engine opens them at a restart. The bench asserts no speed.
"""

import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import pytest

from tests.bench.bench_kinesis_source import bare
from tests.support.engine import Engine, Stream

RECORDS, SINGLE, SIZE = 10_000, 200, 700
"""Records by PutRecords and one by one, and bytes of each."""
ROUNDS = 3
STREAMS = 1_000


def timed(call: Callable[[], object]) -> float:
    """Seconds of a call."""
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


@pytest.mark.timeout(600)
def test_on_disk_against_in_memory(tmp_path: Path, say: Callable[..., None]) -> None:
    seconds: dict[tuple[str, str], list[float]] = {}
    with Engine(tmp_path / "kinesis") as kept, Engine() as in_memory:
        for _ in range(ROUNDS):
            for place, engine in (("on disk", kept), ("in memory", in_memory)):
                stream = engine.stream()

                def single(engine: Engine = engine, name: str = stream.name) -> None:
                    for number in range(SINGLE):
                        engine.client.put_record(
                            StreamName=name, Data=b"x" * SIZE, PartitionKey=str(number)
                        )

                for what, call in (
                    (f"{RECORDS:,} written", lambda s=stream: s.put(RECORDS, size=SIZE)),
                    (f"{SINGLE} one by one", single),
                    ("all read", lambda e=engine, s=stream: bare(e, s)),
                ):
                    seconds.setdefault((what, place), []).append(timed(call))
                assert bare(engine, stream)[0] == RECORDS + SINGLE
                stream.delete()
    lines = [
        f"  {what:16} {place:10} {median(found):6.2f} s" for (what, place), found in seconds.items()
    ]
    say(f"Kinesis engine, records of {SIZE} bytes, middle of {ROUNDS}", *lines)


@pytest.mark.timeout(600)
def test_a_thousand_streams(tmp_path: Path, say: Callable[..., None]) -> None:
    with Engine(tmp_path / "kinesis") as engine:
        names = [f"stream-{number:04}" for number in range(STREAMS)]
        created = timed(
            lambda: [engine.client.create_stream(StreamName=name, ShardCount=1) for name in names]
        )
        Stream(engine.client, names[-1]).wait_until_active()
        engine.end()
        started = timed(engine.start)
        assert engine.client.list_streams(Limit=10_000)["StreamNames"] == names
    say(f"{STREAMS:,} streams: created in {created:.1f} s, a start with them {started:.2f} s")
