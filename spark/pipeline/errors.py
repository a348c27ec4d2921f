"""The errors of a job.

PipelineError (contract)
+-- JobError           a job fails; the message is one line
    +-- StorageError   S3 does not respond, or the bucket does not exist
    +-- LockError      another run writes the tables
    +-- MissingError   a table does not exist: the batch job has never run
    +-- ThresholdError a threshold of the quality gate is unknown or has a wrong value
    +-- SourceError    the Kinesis source cannot continue
        +-- OptionError    an option of the source is missing or has a wrong value
        +-- DataLossError  records were lost before they were read
"""

import re

from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException

from contract.causes import innermost
from contract.errors import PipelineError

FAILURES = (PipelineError, PySparkException, Py4JJavaError)
"""Errors that a job reports in one line before it ends."""


class JobError(PipelineError):
    """A job fails."""


class StorageError(JobError):
    """S3 does not respond, refuses, or has no such bucket."""


class LockError(JobError):
    """Another run writes the tables, or has taken them over from this one."""


class MissingError(JobError):
    """A table does not exist."""


class ThresholdError(JobError):
    """A threshold is unknown or has a wrong value."""


class SourceError(JobError):
    """The Kinesis source cannot continue."""


class OptionError(SourceError):
    """An option of the source is missing, excludes another, or has an unusable value."""


class DataLossError(SourceError):
    """Records that a query must read, or read again, are no longer in the stream."""


_OURS = re.compile(rf"^{re.escape(__name__)}\.\w+: ")


def first_line(error: Exception) -> str:
    """Return one line with the innermost cause of an error that Spark raises.

    For a ``JobError`` the line is its message alone, also if Spark has only its traceback as text.
    """
    return _OURS.sub("", innermost(error))
