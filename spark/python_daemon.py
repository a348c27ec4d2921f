"""The process from which Spark forks its Python workers; small tasks are quicker by it.

Named in ``spark/conf/spark-defaults.conf``. It is Spark's own daemon but for two things that take a
tenth of a second before and after each task, longer than a batch of some dozen posts:

* A worker forgets where modules are (``importlib.invalidate_caches``), and for each ZIP on its path
  Python reads the directory again. Spark puts three there: its own library and py4j, which are
  installed as well, and the jar of its core, of thousands of entries.
* It collects garbage, and looks for it in everything that was ever imported.
"""

from __future__ import annotations

import gc
import sys
from os.path import isfile

# Before anything of Spark is imported, or it comes from a ZIP. Those of a job are added for a task.
sys.path[:] = [entry for entry in sys.path if not isfile(entry)]
sys.path_importer_cache.clear()

from pyspark import daemon  # noqa: E402

if __name__ == "__main__":
    gc.freeze()
    daemon.manager()
