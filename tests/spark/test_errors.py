"""The one line of an error that a job prints; ``tests/unit/test_causes.py`` covers the causes."""

from spark.pipeline.errors import JobError, first_line

SOURCE = """[PYTHON_STREAMING_DATA_SOURCE_RUNTIME_ERROR] Failed when latestOffset: Traceback (most recent call last):
  File "planner.py", line 7, in initial
    raise SourceError("a code line")
spark.pipeline.errors.SourceError: stream a: not there

SQLSTATE: 38000
=== Streaming Query ===
"""  # noqa: E501


def test_a_job_error_is_its_message_alone_even_within_a_traceback() -> None:
    assert first_line(JobError(SOURCE)) == "stream a: not there"
