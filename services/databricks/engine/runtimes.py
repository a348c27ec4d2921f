"""The Spark settings of a task, which depend on the Databricks runtime of its cluster.

Spark itself has one version here. The table ``CHANGED`` lists the settings whose default changed
on the way to it and that change results or refuse programs, so that a program finds the defaults
of the runtime that it was written for. It leaves out the settings that only correct wrong results
or change the speed, and those whose default on Databricks never was Spark's, such as
``spark.sql.legacy.createHiveTableByDefault``: a table without a format is a Delta table there.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from contract.values import runtime
from services.databricks.api.errors import invalid

ANSI = "spark.sql.ansi.enabled"


@dataclass(frozen=True)
class Changed:
    """A setting whose default changed.

    Args:
        name: the setting.
        since: the first runtime with the new default; 17 is Spark 4.0, 18 is Spark 4.1.
        before: the default of earlier runtimes.
        after: the default from ``since`` on.
        effect: what differs before ``since``, for the page bring-your-own.md.
    """

    name: str
    since: int
    before: str
    after: str
    effect: str


# Sources: Spark's migration guides for SQL and PySpark, the documentation of each setting in
# Spark's SQLConf, and the release notes of the Databricks runtimes. The defaults were compared
# between Spark 3.5.6 and 4.1.4.
CHANGED = (
    Changed(ANSI, 17, "false", "true", "a cast that fails gives null instead of an error"),
    Changed(
        "spark.sql.legacy.timeParserPolicy",
        17,
        "EXCEPTION",
        "CORRECTED",
        "a date that Spark 2.4 parsed differently is an error that names this setting",
    ),
    Changed(
        "spark.sql.legacy.ctePrecedencePolicy",
        17,
        "EXCEPTION",
        "CORRECTED",
        "a nested `WITH` that repeats an outer name is an error",
    ),
    Changed(
        "spark.sql.legacy.consecutiveStringLiterals.enabled",
        17,
        "true",
        "false",
        "`'a''b'` in SQL is `ab` instead of `a'b`",
    ),
    Changed(
        "spark.sql.legacy.javaCharsets",
        17,
        "true",
        "false",
        "`encode` and `decode` accept every character set of Java",
    ),
    Changed(
        "spark.sql.legacy.codingErrorAction",
        17,
        "true",
        "false",
        "`encode` and `decode` replace an unknown character instead of failing",
    ),
    Changed(
        "spark.sql.legacy.decimal.retainFractionDigitsOnTruncate",
        17,
        "true",
        "false",
        "a decimal that is too wide loses digits before the point, not after it",
    ),
    Changed(
        "spark.sql.legacy.disableMapKeyNormalization",
        17,
        "true",
        "false",
        "`0.0` and `-0.0` are two keys of a map",
    ),
    Changed(
        "spark.sql.legacy.mysql.bitArrayMapping.enabled",
        17,
        "true",
        "false",
        "`BIT(n)` of MySQL is read as a number instead of bytes",
    ),
    Changed(
        "spark.sql.legacy.postgres.datetimeMapping.enabled",
        17,
        "true",
        "false",
        "a timestamp is written to PostgreSQL without a time zone",
    ),
    Changed(
        "spark.sql.pyspark.legacy.inferMapTypeFromFirstPair.enabled",
        17,
        "true",
        "false",
        "`createDataFrame` infers the types of a map from its first pair",
    ),
    Changed(
        "spark.sql.legacy.bangEqualsNot",
        15,
        "true",
        "false",
        "`IS !NULL` and `! IN` mean `IS NOT NULL` and `NOT IN`",
    ),
    Changed(
        "spark.sql.execution.pandas.convertToArrowArraySafely",
        18,
        "false",
        "true",
        "a value of pandas that does not fit its type is cut instead of an error",
    ),
    Changed(
        "spark.sql.execution.pyspark.binaryAsBytes",
        18,
        "false",
        "true",
        "a binary value is a `bytearray` in Python instead of `bytes`",
    ),
    Changed(
        "spark.sql.legacy.truncateForEmptyRegexSplit",
        18,
        "true",
        "false",
        "`split('abcd', '', 2)` is `[a, b]` instead of `[a, bcd]`",
    ),
    Changed(
        "spark.sql.legacy.parquet.returnNullStructIfAllFieldsMissing",
        18,
        "true",
        "false",
        "a struct of Parquet is null when the file has none of the fields that are read",
    ),
    Changed(
        "spark.sql.streaming.verifyCheckpointDirectoryEmptyOnStart",
        18,
        "false",
        "true",
        "a new stream may start in a checkpoint folder that is not empty",
    ),
)


SERVERLESS_VERSION = "18.x-scala2.13"
"""Runtime of a task without a cluster: serverless compute, which has the newest."""


def check(version: str) -> None:
    """Refuse a ``spark_version`` that names no runtime.

    Like Databricks, this refuses ``auto:latest-lts`` and similar values, which belong in a policy.
    A cluster without a version is accepted, since a policy may set it.

    Raises:
        ApiError: names the value, with Databricks' message.
    """
    try:
        if version:
            runtime(version)
    except ValueError:
        raise invalid(f"Invalid spark version {version}.") from None


def session_conf(version: int, given: Mapping[str, str]) -> dict[str, str]:
    """Settings that the sessions of a task start with.

    Args:
        version: major version of the runtime.
        given: settings of the cluster, which win.
    """
    return {
        setting.name: given.get(
            setting.name, setting.after if version >= setting.since else setting.before
        )
        for setting in CHANGED
    }
