"""The errors of a job.

PipelineError (contract)
+-- JobError           a job can't do its work; the message is one line
    +-- StorageError   S3 or the bucket isn't there
    +-- LockError      another run writes the tables
    +-- MissingError   a table isn't there: the batch job has never run
    +-- ThresholdError a threshold of the quality gate is unknown or has a wrong value
    +-- SourceError    the Kinesis source can't go on
        +-- OptionError    an option of the source is unknown or has a wrong value
        +-- DataLossError  records that were to be read are no longer in the stream
"""

from __future__ import annotations

import re

from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException

from contract.causes import innermost
from contract.errors import PipelineError

FAILURES = (PipelineError, PySparkException, Py4JJavaError)
"""What a job reports with one line when it can't do its work."""


class JobError(PipelineError):
    """A job can't do its work."""


class StorageError(JobError):
    """S3 doesn't answer, refuses, or has no such bucket."""


class LockError(JobError):
    """Another run writes the tables, or has taken them over from this one."""


class MissingError(JobError):
    """A table isn't there."""


class ThresholdError(JobError):
    """A threshold is unknown, or has a value that can't be one."""


class SourceError(JobError):
    """The Kinesis source can't go on."""


class OptionError(SourceError):
    """An option of the source is unknown, missing, or has a value that can't be used."""


class DataLossError(SourceError):
    """Records that a query was to read, or has to read again, are no longer in the stream."""


_OURS = re.compile(rf"^{re.escape(__name__)}\.\w+: ")


def first_line(error: Exception) -> str:
    """Return the line that says what happened: the innermost cause of what Spark raises.

    An error of ours is its message alone, also where Spark has the text of its traceback.
    """
    return _OURS.sub("", innermost(error))
