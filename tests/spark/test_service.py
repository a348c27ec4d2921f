"""The queries of the streaming job, over streams of files, with restarts after failures."""

from collections.abc import Callable
from pathlib import Path

import pytest
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from contract import names
from contract.entities import ENTITIES, GEO, Entity
from spark.pipeline.errors import JobError, LockError
from spark.pipeline.sources.kinesis.records import SCHEMA
from spark.pipeline.streaming import service as service_module
from spark.pipeline.streaming.service import Reader, RestartPolicy, Service
from tests.support.lake import ID
from tests.support.stream import Stream, Tables, once


class Files:
    """Streams of Parquet files, read as rows of the Kinesis source."""

    def __init__(self, tables: Tables, folder: Path) -> None:
        self.tables, self.folder = tables, folder
        for entity in ENTITIES:
            (folder / names.stream(ID, entity)).mkdir(parents=True)

    def put(self, entity: Entity, stream: Stream, *data: str) -> None:
        """Add records to a stream."""
        frame = self.tables.frame(stream.put(*data)).coalesce(1)
        frame.write.mode("append").parquet(str(self.folder / names.stream(ID, entity)))

    def read(self, name: str) -> DataFrame:
        """Return a stream."""
        return self.tables.spark.readStream.schema(SCHEMA).parquet(str(self.folder / name))


@pytest.fixture
def files(tables: Tables, tmp_path: Path) -> Files:
    return Files(tables, tmp_path / "streams")


def _service(tables: Tables, read: Reader, check_lock: Callable[[], None], folder: Path) -> Service:
    location, policy = tables.location(GEO), RestartPolicy(2, first_delay=0.01)
    live_table, checkpoints = tables.new_live_table(check_lock), str(folder / "ck")
    return Service(tables.spark, [location], live_table, read, checkpoints, check_lock, 0.1, policy)


@pytest.mark.slow
def test_a_failed_query_is_restarted_a_limited_number_of_times(
    tables: Tables, files: Files, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """First a query whose batches fail twice, then one that cannot be started."""
    files.put(GEO, Stream(GEO), '{"ind":1}')
    failures = 0

    def read(name: str) -> DataFrame:
        nonlocal failures
        rows = files.read(name)
        if failures < 2:
            failures += 1
            broken = F.raise_error(F.lit("no luck")).cast("string")
            return rows.withColumn("sequenceNumber", broken)
        return rows

    service = _service(tables, read, lambda: None, tmp_path)

    table = tables.location(GEO).table
    with once(lambda: table.exists(tables.spark) and tables.cleaned(GEO), service.stop):
        assert service.run() == {"geo": 1}
    assert set(tables.cleaned(GEO)) == {1}
    assert capsys.readouterr().err.count("no luck") == 2

    def none(name: str) -> DataFrame:
        raise JobError(f"there is no {name}")

    service = _service(tables, none, lambda: None, tmp_path)
    with pytest.raises(
        JobError, match=r"there is no streaming-0a1b2c3d4e5f-geo \(3 times in a row"
    ):
        service.run()


@pytest.mark.slow
def test_the_job_joins_the_files_of_its_batches(
    tables: Tables, files: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service_module, "MAINTENANCE", 0.2)
    stream, table = Stream(GEO), tables.location(GEO).table
    waiting = ['{"ind":2}', '{"ind":1}']

    def joined() -> bool:
        stored = len(tables.cleaned(GEO)) if table.exists(tables.spark) else 0
        if waiting and stored == 2 - len(waiting):
            files.put(GEO, stream, waiting.pop())
        return stored == 2 and table.files(tables.spark)[0] == 1

    service = _service(tables, files.read, lambda: None, tmp_path)
    with once(joined, service.stop):
        assert service.run() == {"geo": 2}
    assert joined()


def test_a_lost_lock_ends_the_job_at_once(tables: Tables, files: Files, tmp_path: Path) -> None:
    files.put(GEO, Stream(GEO), '{"ind":1}')

    def lock_lost() -> None:
        raise LockError("another run has it")

    with pytest.raises(LockError, match="another run has it"):
        _service(tables, files.read, lock_lost, tmp_path).run()
    assert tables.cleaned(GEO) == {}
