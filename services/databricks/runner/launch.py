"""Replaces itself with the JVM of a cluster (``Cluster.java``), started by Spark's own launcher.

The JVM inherits the standard input, from which it reads requests, and ends when it closes.
"""

import os
import shlex
import signal

from pyspark.find_spark_home import _find_spark_home

MAIN = "io.github.pinterestpipeline.cluster.Cluster"

if __name__ == "__main__":
    submit = os.path.join(_find_spark_home(), "bin", "spark-submit")
    *options, _ = shlex.split(os.environ["PYSPARK_SUBMIT_ARGS"])  # the last is pyspark-shell
    # The service handles SIGINT; the JVM must ignore it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.execv(submit, [submit, *options, "--class", MAIN, "spark-internal"])
