"""DBFS as a file system of Spark: its folder, its mounts, and what Delta and streams need of it."""

import json
import threading
from pathlib import Path
from typing import Any

import pytest
from py4j.protocol import Py4JJavaError
from pyspark.errors import AnalysisException
from pyspark.sql import SparkSession

from services.databricks.runner.dbutils.dbfs import Dbfs, MountError
from services.databricks.runner.dbutils.fs import Files


@pytest.fixture
def files(spark: SparkSession, dbfs: Path) -> Files:
    """``dbutils.fs``."""
    return Files(spark, Dbfs(dbfs))


def system(spark: SparkSession) -> Any:
    """The file system in the JVM."""
    conf = spark.sparkContext._jsc.hadoopConfiguration()
    return path(spark, "dbfs:/").getFileSystem(conf)


def path(spark: SparkSession, name: str) -> Any:
    """A path of Hadoop."""
    return spark.sparkContext._jvm.org.apache.hadoop.fs.Path(name)


def test_files_are_those_of_the_folder(spark: SparkSession, files: Files, dbfs: Path) -> None:
    assert files.put("dbfs:/made/a.txt", "text")
    assert (dbfs / "made/a.txt").read_text() == "text"
    (dbfs / "made/b: c.txt").write_text("more")
    assert [(one.path, one.size) for one in files.ls("dbfs:/made")] == [
        ("dbfs:/made/a.txt", 4),
        ("dbfs:/made/b: c.txt", 4),
    ]
    assert files.head("dbfs:/made/b: c.txt") == "more"
    assert sorted(one.name for one in (dbfs / "made").iterdir()) == ["a.txt", "b: c.txt"]
    assert not files.rm("dbfs:/made/none")
    assert files.rm("dbfs:/made", recurse=True)
    assert not (dbfs / "made").exists()


def test_a_path_without_a_slash_starts_at_the_root(spark: SparkSession) -> None:
    assert system(spark).makeQualified(path(spark, "tmp/x")).toString() == "dbfs:/tmp/x"


def test_messages_name_paths_of_dbfs(spark: SparkSession, files: Files, dbfs: Path) -> None:
    (dbfs / "full/inner").mkdir(parents=True)
    (dbfs / "file").write_text("")
    (dbfs / "out").symlink_to(dbfs.parent)
    (dbfs.parent / "secret.txt").write_text("")
    for call, kind in (
        (lambda: files.ls("dbfs:/none/x"), "FileNotFoundException"),
        (lambda: files.head("dbfs:/none/x"), "FileNotFoundException"),
        (lambda: files.put("dbfs:/file", "x"), "FileAlreadyExistsException"),
        (lambda: files.put("dbfs:/file/x", "x"), "Exception"),
        (lambda: files.mkdirs("dbfs:/file"), "FileAlreadyExistsException"),
        (lambda: files.rm("dbfs:/full"), "PathIsNotEmptyDirectoryException"),
        (lambda: files.rm("dbfs:/", True), "IOException"),
        (lambda: files.ls("dbfs:/out"), "AccessControlException"),
        (lambda: files.head("dbfs:/out/secret.txt"), "AccessControlException"),
        (lambda: files.rm("dbfs:/out/secret.txt"), "AccessControlException"),
        (lambda: files.head("dbfs:/../secret.txt"), "Exception"),
    ):
        with pytest.raises(Py4JJavaError) as error:
            call()
        message = error.value.java_exception.toString()
        assert kind in message
        assert "dbfs:/" in message
        assert str(dbfs) not in message
    with pytest.raises(AnalysisException, match=r"PATH_NOT_FOUND.*dbfs:/none"):
        spark.read.json("dbfs:/none")
    with pytest.raises(AnalysisException) as absent:
        spark.read.format("delta").load("dbfs:/none").count()
    assert str(dbfs) not in str(absent.value)
    assert "out" not in [one.name for one in files.ls("dbfs:/")]
    assert files.rm("dbfs:/out")  # the link alone
    assert (dbfs.parent / "secret.txt").exists()


def test_a_rename_replaces_no_file(spark: SparkSession, files: Files, dbfs: Path) -> None:
    for name in ("one", "two"):
        files.put(f"dbfs:/names/{name}", name, True)
    rename = system(spark).rename
    assert not rename(path(spark, "dbfs:/names/one"), path(spark, "dbfs:/names/two"))
    assert (dbfs / "names/two").read_text() == "two"
    assert not rename(path(spark, "dbfs:/names/none"), path(spark, "dbfs:/names/three"))
    assert rename(path(spark, "dbfs:/names/one"), path(spark, "dbfs:/names/three"))
    files.mkdirs("dbfs:/names/inner")
    assert rename(path(spark, "dbfs:/names/three"), path(spark, "dbfs:/names/inner"))
    assert [one.name for one in (dbfs / "names/inner").iterdir()] == ["three"]
    assert not rename(path(spark, "dbfs:/names/inner"), path(spark, "dbfs:/names/inner/x"))
    assert rename(path(spark, "dbfs:/names"), path(spark, "dbfs:/named"))
    assert files.head("dbfs:/named/inner/three") == "one"


def test_a_mount_is_there_at_once(spark: SparkSession, files: Files, dbfs: Path) -> None:
    before = system(spark)
    Dbfs(dbfs).mount("s3a://KEY:sec%2Fret@bucket/below", "/mnt/deep/posts")
    assert json.loads((dbfs.parent / "mounts.json").read_text()) == {
        "/mnt/deep/posts": "s3://bucket/below"
    }
    assert [one.path for one in files.ls("dbfs:/mnt/deep")] == ["dbfs:/mnt/deep/posts/"]
    assert "deep/" in [one.name for one in files.ls("dbfs:/mnt")]
    assert before.getFileStatus(path(spark, "dbfs:/mnt/deep/posts")).isDirectory()
    files.put("dbfs:/local", "text", True)
    with pytest.raises(Py4JJavaError, match=r"dbfs:/local to dbfs:/mnt/deep/posts/x.*mounts"):
        before.rename(path(spark, "dbfs:/local"), path(spark, "dbfs:/mnt/deep/posts/x"))
    for mounted in ("dbfs:/mnt/deep/posts", "dbfs:/mnt"):
        with pytest.raises(Py4JJavaError, match="unmount"):
            files.rm(mounted, recurse=True)
    files.unmount("/mnt/deep/posts")
    assert not before.exists(path(spark, "dbfs:/mnt/deep"))
    assert before.equals(system(spark))


def test_a_mount_with_a_raw_slash_in_its_secret_is_refused(files: Files, dbfs: Path) -> None:
    with pytest.raises(MountError) as error:
        files.mount("s3a://AKIAEXAMPLE:ab/cd@user-bucket", "/mnt/raw")
    assert "ab" not in str(error.value).replace("able", "")
    assert "cd@" not in str(error.value)
    assert not files.mounts()


def test_one_of_two_commits_of_a_version_fails(spark: SparkSession, dbfs: Path) -> None:
    """In threads; the rename on which it relies is one call of the operating system."""
    store = spark.sparkContext._jvm.io.github.pinterestpipeline.dbfs.DbfsLogStore
    conf = spark.sparkContext._jsc.hadoopConfiguration()
    (dbfs / "log").mkdir()
    outcomes: list[str] = []

    def commit(number: int) -> None:
        lines = spark.sparkContext._jvm.java.util.ArrayList()
        lines.add(f"commit {number}")
        try:
            store(conf).write(path(spark, "dbfs:/log/0.json"), lines.iterator(), False, conf)
            outcomes.append("written")
        except Py4JJavaError as error:
            outcomes.append(error.java_exception.getClass().getSimpleName())

    threads = [threading.Thread(target=commit, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["FileAlreadyExistsException"] * 7 + ["written"]
    assert [one.name for one in (dbfs / "log").iterdir() if ".tmp" not in one.name] == ["0.json"]


@pytest.mark.parametrize("manager", ["FileContextBased", "FileSystemBased"])
def test_a_stream_restarts_from_its_checkpoint(
    spark: SparkSession, dbfs: Path, manager: str
) -> None:
    name = "spark.sql.streaming.checkpointFileManagerClass"
    package = "org.apache.spark.sql.execution.streaming.checkpointing"
    spark.conf.set(name, f"{package}.{manager}CheckpointFileManager")
    try:
        for number in range(3):
            spark.range(number, number + 1).write.mode("append").json(f"dbfs:/{manager}/in")
            stream = spark.readStream.schema("id long").json(f"dbfs:/{manager}/in").groupBy("id")
            query = (
                stream.count()
                .writeStream.outputMode("complete")
                .format("delta")
                .option("checkpointLocation", f"dbfs:/{manager}/checkpoint")
                .trigger(availableNow=True)
                .start(f"dbfs:/{manager}/out")
            )
            query.awaitTermination()
            rows = spark.read.format("delta").load(f"dbfs:/{manager}/out").collect()
            assert sorted(map(tuple, rows)) == [(i, 1) for i in range(number + 1)]
        commits = dbfs / manager / "checkpoint/commits"
        assert [one.name for one in sorted(commits.iterdir())] == ["0", "1", "2"]
    finally:
        spark.conf.unset(name)


def test_s3n_is_s3(spark: SparkSession) -> None:
    conf = spark.sparkContext._jsc.hadoopConfiguration()
    found = path(spark, "s3n://bucket/x").getFileSystem(conf)
    assert found.getClass().getSimpleName() == "S3AFileSystem"
