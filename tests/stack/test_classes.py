"""Spark's JVM loads its classes from the archive that makes it start sooner."""

import pytest

from tests.conftest import Stack
from tests.support import ROOT

LOGGED = '--conf "spark.driver.extraJavaOptions=-XX:TieredStopAtLevel=1 -Xlog:class+load:stderr"'


def test_a_job_finds_its_classes_in_the_archive(stack: Stack) -> None:
    if stack.variables["ENGINE"] == "native" and " " in str(ROOT):
        pytest.skip("where a path has a space Java uses no archive for the classes of jars")
    log = stack.run("spark", environment={"SPARK_OPTIONS": LOGGED}).stderr.splitlines()
    sparks = [line for line in log if " org.apache.spark." in line]
    archived = [line for line in sparks if line.endswith("source: shared objects file (top)")]
    unpacked = [line for line in sparks if "source: file:" in line]
    assert len(archived) > 1000
    assert len(unpacked) < len(archived) / 10
