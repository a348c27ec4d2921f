"""Leaves the JVM of a task as the next one is to find it: without its session and caches."""

from __future__ import annotations

import sys
import threading
import traceback

LIMIT = 15.0
"""Seconds after which a session that doesn't stop goes with its JVM."""


def release() -> bool:
    """Stop the session of this process; whether the JVM is fit for another task.

    A JVM that this process has started itself ends with it.
    """
    if "pyspark" not in sys.modules:
        return True
    done: list[bool] = []
    thread = threading.Thread(target=lambda: done.append(_release()), daemon=True)
    thread.start()
    thread.join(LIMIT)
    return done == [True]


def _release() -> bool:
    from pyspark import SparkContext

    gateway = SparkContext._gateway
    if gateway is None or gateway.proc is not None:
        return True
    try:
        if SparkContext._active_spark_context:
            SparkContext._active_spark_context.stop()
        jvm = gateway.jvm
        # Both outlive a session: versions of tables, and file systems with the mounts of this task.
        jvm.org.apache.spark.sql.delta.DeltaLog.clearCache()
        jvm.org.apache.hadoop.fs.FileSystem.closeAll()
        # While it waits it holds no more than it needs.
        jvm.java.lang.System.gc()
    except Exception as error:
        traceback.print_exception(error)
        return False
    return True
