"""One Spark session for all tests of the folder, with the settings of spark/conf."""

import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pyspark.sql import DataFrame, SparkSession

from contract.entities import ENTITIES
from emulator.dataset.generate import Block, blocks
from spark.pipeline.sources.objects import POSITION
from tests.support.data import arrow
from tests.support.lake import Lake
from tests.support.options import settings, spark_options
from tests.support.oracle import Oracle
from tests.support.stream import Tables

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    """The session; paths of the settings are relative to the root of the project."""
    scratch = tmp_path_factory.mktemp("spark")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        patch.setenv("SPARK_LOCAL_DIRS", str(scratch))
        patch.setenv("TZ", "UTC")  # collect() returns dates in the machine's zone
        time.tzset()
        patch.setenv("SPARK_LOCAL_IP", "127.0.0.1")
        patch.setenv("PYSPARK_PYTHON", sys.executable)
        patch.setenv("PYTHONPATH", str(ROOT))  # of Spark's own Python processes
        options = f"--properties-file spark/conf/spark-defaults.conf {spark_options()}"
        patch.setenv("PYSPARK_SUBMIT_ARGS", f"{options} pyspark-shell")
        home = os.environ.get("JAVA_HOME")
        patch.setenv("SPARK_JAVA", f"{home}/bin/java" if home else "java")
        patch.setenv("JAVA_HOME", str(ROOT / "spark/launch"))
        for name in ("SPARK_HOME", "SPARK_CONF_DIR"):
            patch.delenv(name, raising=False)
        session = SparkSession.builder.appName("tests").getOrCreate()
        yield session
        session.stop()


@pytest.fixture(scope="session")
def dbfs(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of DBFS, for paths with the scheme ``dbfs``."""
    folder = tmp_path_factory.mktemp("workspace") / "dbfs"
    folder.mkdir()
    spark.sparkContext._jsc.hadoopConfiguration().set("fs.dbfs.root", str(folder))
    return folder


@pytest.fixture
def streaming_spark(spark: SparkSession) -> Iterator[SparkSession]:
    """The session with the settings of the streaming job."""
    of_job = {n: v for n, v in settings("stream.conf").items() if n.startswith("spark.sql.")}
    before = {name: spark.conf.get(name, None) for name in of_job}
    for name, value in of_job.items():
        spark.conf.set(name, value)
    yield spark
    for name, old in before.items():
        if old is None:
            spark.conf.unset(name)
        else:
            spark.conf.set(name, old)


@pytest.fixture(scope="session")
def block() -> Block:
    """The generated source: 11,154 posts."""
    return next(blocks())


@pytest.fixture(scope="session")
def oracle(block: Block) -> Oracle:
    """The expected cleaned tables and results of the generated source."""
    return Oracle(*(arrow(entity, block.rows(entity)) for entity in ENTITIES))


Records = Callable[..., DataFrame]


@pytest.fixture
def records(spark: SparkSession) -> Records:
    """Makes records from texts, in order of arrival."""

    def make(*raw: str) -> DataFrame:
        schema = (
            "raw string, stored_at timestamp, topic string, partition int,"
            " start_offset bigint, line int, object string"
        )
        rows = [(text, None, "t", 0, 0, line, "o") for line, text in enumerate(raw, 1)]
        frame = spark.createDataFrame(rows, schema)
        return frame.selectExpr("raw", f"struct({', '.join(POSITION)}) as position")

    return make


@pytest.fixture
def lake(
    spark: SparkSession,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Lake:
    """A folder without objects, in which the jobs write their tables."""
    folder = tmp_path / "a lake"
    monkeypatch.setenv("DELTA_ROOT", f"{folder}/delta")
    return Lake(spark, folder, capsys)


@pytest.fixture
def tables(streaming_spark: SparkSession, tmp_path: Path) -> Tables:
    """The tables of the streaming pipeline, none of which exists yet."""
    return Tables(streaming_spark, tmp_path / "a lake/streaming")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Ignore the warnings about sockets that py4j leaves to the garbage collector."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.filterwarnings("ignore:Exception ignored in. <socket"))
            item.add_marker(pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"))
