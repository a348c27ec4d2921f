"""Becomes a JVM that waits for the Python of a task.

    spark/run.sh services.jobs_api.runner.gateway FILE

What pyspark does to start one, with the standard input that this process was given: when that
ends, so does the JVM. Where it waits is written to FILE.
"""

from __future__ import annotations

import os
import shlex
import signal
import sys

from pyspark.find_spark_home import _find_spark_home

if __name__ == "__main__":
    submit = os.path.join(_find_spark_home(), "bin", "spark-submit")
    os.environ["_PYSPARK_DRIVER_CONN_INFO_PATH"] = sys.argv[1]
    # A signal for the whole service is the service's to handle.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.execv(submit, [submit, *shlex.split(os.environ["PYSPARK_SUBMIT_ARGS"])])
