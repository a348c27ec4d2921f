"""Becomes a JVM that waits for the Python of a task: what pyspark does to start one of its own.

It has the standard input of this process, and ends with it. Where it waits it writes to the file
that its variable names (``services/databricks/engine/jvms.py``).
"""

from __future__ import annotations

import os
import shlex
import signal

from pyspark.find_spark_home import _find_spark_home

if __name__ == "__main__":
    submit = os.path.join(_find_spark_home(), "bin", "spark-submit")
    # A signal for the whole service is the service's to handle.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.execv(submit, [submit, *shlex.split(os.environ["PYSPARK_SUBMIT_ARGS"])])
