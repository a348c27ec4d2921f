"""The session of a job."""

import subprocess
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from spark.pipeline.session import session
from tests.support import ROOT
from tests.support.program import spark_environment


def test_a_job_is_in_ansi_mode_whatever_the_cluster_has(spark: SparkSession) -> None:
    spark.conf.set("spark.sql.ansi.enabled", "false")
    try:
        assert session("job").conf.get("spark.sql.ansi.enabled") == "true"
    finally:
        spark.conf.set("spark.sql.ansi.enabled", "true")


@pytest.mark.slow
def test_what_a_job_leaves_is_in_a_folder_that_the_next_one_removes(tmp_path: Path) -> None:
    """In a path with a space, too, in which Spark's own default is a folder ``a%20run``."""
    folder = tmp_path / "a run"
    left = folder / "run/data/spark/scratch-4194305"  # no process has this id
    left.mkdir(parents=True)
    done = subprocess.run(
        [ROOT / "spark/run.sh", "tests.spark.programs.leave_files"],
        env=spark_environment(folder),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    scratch, *made = done.stdout.splitlines()
    assert Path(scratch).parent == left.parent
    assert not left.exists()
    assert [Path(path).is_relative_to(scratch) for path in made] == [True, True, True]
    assert [path.name for path in tmp_path.iterdir()] == ["a run"]
    assert not (ROOT / "spark-warehouse").exists()
