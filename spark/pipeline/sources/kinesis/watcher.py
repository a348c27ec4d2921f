"""The list of shards, kept up to date by a thread of the driver, so that no batch waits for it."""

from __future__ import annotations

import threading

from spark.pipeline.sources.kinesis.client import Kinesis, StoppedError
from spark.pipeline.sources.kinesis.options import Options
from spark.pipeline.sources.kinesis.shards import Lineage


class Watcher:
    """Lists the shards of every stream each ``shardFetchInterval``, and whenever it's asked to."""

    def __init__(self, options: Options, changed: threading.Condition) -> None:
        self.lineage = Lineage()
        """The shards; none before the first look."""
        self.error: Exception | None = None
        self.looks = 0
        """How often it has looked."""
        self._options, self._changed = options, changed
        self._stopped = threading.Event()
        self._asked = threading.Event()
        self._thread = threading.Thread(target=self._run, name="kinesis shards", daemon=True)
        self._thread.start()

    def look(self) -> None:
        """Ask for a look soon."""
        self._asked.set()

    def stop(self) -> None:
        """Ask the thread to end."""
        self._stopped.set()
        self._asked.set()

    def _run(self) -> None:
        kinesis = Kinesis(self._options, self._stopped)
        try:
            while not self._stopped.is_set():
                self._asked.clear()
                shards = [s for stream in self._options.streams for s in kinesis.shards(stream)]
                with self._changed:
                    self.lineage = Lineage(shards)
                    self.looks += 1
                    self._changed.notify_all()
                self._asked.wait(self._options.listing)
        except StoppedError:
            return
        except Exception as error:  # told to whoever plans the next batch
            with self._changed:
                self.error = error
                self._changed.notify_all()
