"""Replaces itself with a JVM that waits for the Python process of a task, started as by pyspark.

The JVM inherits the standard input, and ends when it closes. It writes its port to the file that
a variable names (``services/databricks/engine/jvms.py``).
"""

import os
import shlex
import signal

from pyspark.find_spark_home import _find_spark_home

if __name__ == "__main__":
    submit = os.path.join(_find_spark_home(), "bin", "spark-submit")
    # The service handles SIGINT; the JVM must ignore it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.execv(submit, [submit, *shlex.split(os.environ["PYSPARK_SUBMIT_ARGS"])])
