"""Hop 7: the process from which Spark forks its Python workers, with less overhead for small tasks.

``spark/conf/spark-defaults.conf`` names it. It is Spark's own daemon without two costs that add a
tenth of a second to each task, which is longer than a batch of some dozen posts takes:

* A worker calls ``importlib.invalidate_caches`` before each task, and Python then reads the
  directory of each ZIP on its path again. Spark puts three there: its own library and py4j, which
  are installed as well, and the jar of its core with thousands of entries.
* A worker collects garbage after each task and scans everything that was ever imported.
"""

import gc
import sys
from os.path import isfile

# Before the first import of Spark, which would else come from a ZIP; a task adds its job's ZIPs.
sys.path[:] = [entry for entry in sys.path if not isfile(entry)]
sys.path_importer_cache.clear()

from pyspark import daemon  # noqa: E402

if __name__ == "__main__":
    gc.freeze()
    daemon.manager()
