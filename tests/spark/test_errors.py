"""The one line of an error that a job prints."""

from __future__ import annotations

import pytest

from spark.pipeline.errors import JobError, first_line

SOURCE = """[PYTHON_STREAMING_DATA_SOURCE_RUNTIME_ERROR] Failed when latestOffset: {traceback}
  File "planner.py", line 7, in initial
    raise SourceError("a code line")
{raised}

SQLSTATE: 38000
=== Streaming Query ===
"""


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("one line", "one line"),
        ("\n  what happened\nat org.apache\n", "what happened"),
        (
            SOURCE.format(traceback="no traceback", raised="x"),
            "[PYTHON_STREAMING_DATA_SOURCE_RUNTIME_ERROR] Failed when latestOffset: no traceback",
        ),
        (
            SOURCE.format(
                traceback="Traceback (most recent call last):",
                raised="spark.pipeline.errors.SourceError: stream a: not there",
            ),
            "stream a: not there",
        ),
        (
            SOURCE.format(
                traceback="Traceback (most recent call last):", raised="KeyError: 'shards'"
            ),
            "KeyError: 'shards'",
        ),
    ],
)
def test_it_says_what_happened(text: str, line: str) -> None:
    assert first_line(JobError(text)) == line


def test_an_error_without_a_message_is_named() -> None:
    assert first_line(ValueError()) == "ValueError"
