"""The process from which Spark forks its Python workers, inspected from within a task."""

import zipfile
from pathlib import Path

from pyspark.sql import SparkSession


def test_a_worker_reads_no_zip_and_freezes_imported_objects(spark: SparkSession) -> None:
    def state(_: int) -> tuple[list[str], int, str]:
        import gc
        import sys

        import pyspark

        kinds = {type(finder).__name__ for finder in sys.path_importer_cache.values()}
        return sorted(kinds), gc.get_freeze_count(), pyspark.__file__

    for _ in range(2):  # the second time in a worker that has done a task
        ((finders, frozen, library),) = spark.sparkContext.parallelize([0], 1).map(state).collect()
        assert "FileFinder" in finders
        assert "zipimporter" not in finders
        assert frozen > 10_000
        assert ".zip" not in library


def test_a_job_may_still_add_modules_in_a_zip(spark: SparkSession, tmp_path: Path) -> None:
    path = tmp_path / "own.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("brought_along.py", "VALUE = 7")

    def value(archive: str) -> int:
        import sys

        sys.path.append(archive)  # as a worker does with the files of addPyFile
        try:
            import brought_along
        finally:
            sys.path.remove(archive)
        return int(brought_along.VALUE)

    assert spark.sparkContext.parallelize([str(path)], 1).map(value).collect() == [7]
