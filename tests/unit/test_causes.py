"""The innermost cause of an error, with stand-ins for py4j's objects, without a JVM.

``tests/spark/test_failed_queries.py`` tests real errors of Spark.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from contract.causes import innermost
from contract.errors import PipelineError

CAST = '[CAST_INVALID_INPUT] The value \'12k\' of the type "STRING" cannot be cast to "INT".'
WRITE = "[TASK_WRITE_FAILED] Task failed while writing rows to s3://bucket/table. SQLSTATE: 58030"
REFUSED = "getFileStatus on s3://bucket/a: Unable to execute HTTP request: Connection refused"
PLAN = "\n=== Streaming Query ===\nIdentifier: [id = 1]\n"


@dataclass
class Throwable:
    """An exception of Java."""

    name: str
    message: str | None
    cause: Throwable | None = None

    def getMessage(self) -> str | None:
        return self.message

    def getCause(self) -> Throwable | None:
        return self.cause

    def toString(self) -> str:
        return f"{self.name}: {self.message}" if self.message else self.name


class JavaError(Exception):
    """An error as py4j raises it, whose text is the whole Java stack trace."""

    def __init__(self, java: Throwable) -> None:
        super().__init__(f"An error occurred while calling o1.save.\n: {java.toString()}\n\tat x")
        self.java_exception = java


class Captured(Exception):
    """An error as pyspark raises it, with its origin or with its cause alone."""

    def __init__(self, text: str, origin: Any = None, cause: Any = None) -> None:
        super().__init__(text)
        self._origin, self._cause = origin, cause


cast = Throwable("org.apache.spark.SparkNumberFormatException", CAST)
write = Throwable("org.apache.spark.SparkException", WRITE, cast)
job = "Job aborted due to stage failure: Task 0 failed 1 times: " + cast.toString()
proxy = (
    "An exception was raised by the Python Proxy. Return Message: Traceback (most recent call last)"
    ':\n  File "a.py", line 3, in batch\n    frame.show()\n'
)


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ValueError("bad"), "ValueError: bad"),
        (ValueError("\n  first\nsecond"), "ValueError: first"),
        (ValueError(), "ValueError"),
        (PipelineError("ours"), "ours"),
        (JavaError(write), CAST),
        (Captured(WRITE, write), CAST),
        (Captured(f"[STREAM_FAILED] Query failed: {CAST}{PLAN}", None, Captured(CAST, cast)), CAST),
        (Throwable("StreamingQueryException", f"[STREAM_FAILED] Query: {CAST}{PLAN}", cast), CAST),
        (Throwable("org.apache.spark.SparkException", job, cast), CAST),
        # A cause that has nothing to add, or no message.
        (
            Throwable("AWSClientIOException", REFUSED, Throwable("a.B", "Connection refused")),
            f"AWSClientIOException: {REFUSED}",
        ),
        (Throwable("a.B", "text", Throwable("java.lang.InterruptedException", None)), "a.B: text"),
        # Python within Java, and Java within Python within Java.
        (
            Throwable("py4j.Py4JException", f"{proxy}ValueError: bad\n"),
            "ValueError: bad",
        ),
        (
            Throwable(
                "py4j.Py4JException", f"{proxy}pyspark.errors.captured.NumberError: {CAST}\n"
            ),
            CAST,
        ),
        (
            Throwable(
                "py4j.Py4JException",
                f"{proxy}py4j.protocol.Py4JJavaError: An error occurred while calling o2.save.\n"
                f": {write.toString()}\n\tat x\nCaused by: {cast.toString()}\n\t... 3 more\n",
            ),
            CAST,
        ),
    ],
)
def test_the_innermost_cause_with_a_message_is_found(error: Any, line: str) -> None:
    assert innermost(error) == line


def test_a_cycle_of_causes_ends() -> None:
    cycle = Throwable("a.B", "round")
    cycle.cause = cycle
    assert innermost(cycle) == "a.B: round"
