"""Job code must run on a Databricks cluster: which names it may use, and how it reads streams.

A cluster in Unity Catalog's access modes allows no access to ``sparkContext`` or the JVM, sets its
file systems itself, and has ``dbutils`` in notebooks only.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import ROOT

OPEN_DELTA = ROOT / "spark/pipeline/delta/open_delta.py"
"""Does nothing on a cluster whose JVM it cannot call, as ``tests/spark/test_writer.py`` shows."""
JOBS = sorted(
    path
    for folder in ("jobs", "pipeline")
    for path in (ROOT / "spark" / folder).rglob("*.py")
    if path != OPEN_DELTA
)
NOTEBOOKS = sorted((ROOT / "spark/notebooks").glob("*.py"))

BANNED = {"sparkContext", "SparkContext", "SparkConf", "_sc", "_jvm", "_jsc", "_jdf", "_jvm_obj"}
BANNED |= {"_jsparkSession", "_gateway", "hadoopConfiguration"}
"""Names of the internals of a session."""
FILE_SYSTEM = re.compile(r"^(spark\.hadoop\.)?fs\.\w+|^spark\.(hadoop|delta\.logStore)\.")
"""Settings of a file system or of Delta's log on one; they belong to spark/conf or the cluster."""

DOCUMENTED = {
    "streamName", "streamARN", "region", "endpoint", "initialPosition",
    "consumerMode", "consumerName", "consumerNamePrefix", "consumerRefreshInterval",
    "registeredConsumerId", "registeredConsumerIdType", "requireConsumerDeregistration",
    "fetchBufferSize", "maxFetchDuration", "maxFetchRate", "minFetchPeriod", "maxRecordsPerFetch",
    "shardsPerTask", "shardFetchInterval", "maxShardsPerDescribe",
    "coalesceThresholdBlockSize", "coalesceBinSize",
    "serviceCredential", "roleArn", "roleExternalId", "roleSessionName", "stsEndpoint",
    "awsAccessKey", "awsSecretKey",
}  # fmt: skip
"""Options of Databricks' ``kinesis`` source.

From https://docs.databricks.com/structured-streaming/kinesis.html and the parameters of
https://docs.databricks.com/en/sql/language-manual/functions/read_kinesis.html. The other
options of our source (``failOnDataLoss`` among them) are for tests and local use.
"""
POSITIONS = {"latest", "trim_horizon", "earliest"}
"""Its initial positions, except the one that is a time."""


def offences(source: str, notebook: bool = False) -> list[str]:
    """Return the banned names in a module, with their lines."""
    tree = ast.parse(source)
    docs = set(_docstrings(tree))
    found = []
    for node in ast.walk(tree):
        names = {getattr(node, field, None) for field in ("id", "attr", "name")}
        bad = names & BANNED | (set() if notebook else names & {"dbutils"})
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in docs:
            # A string counts as well, as in getattr(spark, "_jvm").
            bad |= {node.value} & (BANNED | {"dbutils"})
            bad |= {node.value} if FILE_SYSTEM.match(node.value) else set()
        found += [f"line {getattr(node, 'lineno', 0)}: {name}" for name in bad if name]
    return found


def _docstrings(tree: ast.AST) -> Iterator[ast.AST]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            yield node.value


def kinesis_options(source: str) -> set[str]:
    """Return the options of readers and writers in a module that uses the ``kinesis`` source."""
    calls = list(_calls(ast.parse(source)))
    if not any(
        name == "format" and given and _text(given[0]) == "kinesis" for name, given, _ in calls
    ):
        return set()
    found = set()
    for name, given, keywords in calls:
        if name == "option":
            found.add(_text(given[0]) or ast.unparse(given[0]))
        elif name == "options":
            found |= {keyword.arg or ast.unparse(keyword.value) for keyword in keywords}
    return found


def _calls(tree: ast.AST) -> Iterator[tuple[str, list[ast.expr], list[ast.keyword]]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            yield node.func.attr, node.args, node.keywords


def _text(node: ast.expr) -> str | None:
    value = node.value if isinstance(node, ast.Constant) else None
    return value if isinstance(value, str) else None


@pytest.mark.parametrize("path", [*JOBS, *NOTEBOOKS], ids=lambda p: str(p.relative_to(ROOT)))
def test_job_code_uses_only_what_every_cluster_has(path: Path) -> None:
    assert offences(path.read_text(), path in NOTEBOOKS) == []


@pytest.mark.parametrize(
    "line",
    [
        "spark.sparkContext.setLogLevel('WARN')",
        "spark._jvm.java.lang.System.gc()",
        "getattr(spark, '_jvm')",
        "frame._jdf.queryExecution()",
        "from pyspark import SparkContext",
        "SparkConf()",
        "dbutils.secrets.get('a', 'b')",
        "spark.conf.set('fs.s3a.access.key', key)",
        "builder.config('spark.hadoop.fs.s3.impl', 'x')",
        "builder.config('spark.delta.logStore.s3.impl', 'x')",
        "sc._jsc.hadoopConfiguration().set('a', 'b')",
    ],
)
def test_banned_names_are_found(line: str) -> None:
    assert offences(line)


def test_a_notebook_may_use_dbutils_and_a_docstring_may_name_anything() -> None:
    assert offences("dbutils.fs.ls('/')", notebook=True) == []
    assert offences('"""fs.s3a.endpoint and spark._jvm are of no use here."""') == []


def test_streams_are_read_with_options_that_databricks_documents() -> None:
    used = {path.name: kinesis_options(path.read_text()) for path in [*JOBS, *NOTEBOOKS]}
    assert used["run_stream.py"] == {"streamName", "region", "initialPosition"}
    assert {name for names in used.values() for name in names} - DOCUMENTED == set()


def test_an_option_that_databricks_does_not_document_is_found() -> None:
    line = 'spark.readStream.format("kinesis").option("streamName", s).options(patience=1).load()'
    assert kinesis_options(line) - DOCUMENTED == {"patience"}


def test_the_position_of_the_job_is_documented_by_databricks() -> None:
    tree = ast.parse((ROOT / "spark/jobs/run_stream.py").read_text())
    defaults = [
        _text(keyword.value)
        for name, arguments, keywords in _calls(tree)
        if name == "add_argument" and _text(arguments[0]) == "--position"
        for keyword in keywords
        if keyword.arg == "default"
    ]
    assert defaults
    assert set(defaults) <= POSITIONS


def test_jobs_and_notebooks_set_ansi_mode_themselves() -> None:
    """The default differs between clusters: it is on from runtime 17 on."""
    built = [path.stem for path in JOBS if "SparkSession.builder" in path.read_text()]
    assert built == ["rehearse", "session"]  # `rehearse` reads no values
    setting = 'spark.conf.set("spark.sql.ansi.enabled", "true")'
    assert [path.stem for path in NOTEBOOKS if setting not in path.read_text()] == []
