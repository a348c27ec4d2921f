"""What the notebooks of a run share: the session, the files, the libraries.

It imports no IPython, so the kernel is imported while the JVM works on the session.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession

from services.databricks.runner import libraries
from services.databricks.runner.dbutils import dbutils
from services.databricks.runner.dbutils.dbfs import Dbfs
from services.databricks.runner.dbutils.fs import Files
from services.databricks.runner.kernel.limit import is_main_thread
from services.databricks.runner.outcome import TaskReport
from services.databricks.runner.queries import Queries
from services.databricks.workspace import Workspace, normal


class Runtime:
    """What the notebooks of a run share."""

    def __init__(
        self, task: dict[str, Any], folder: Path, outcome: TaskReport, queries: Queries
    ) -> None:
        self.queries = queries
        self.path = normal(task["notebook_task"]["notebook_path"])
        self.given: dict[str, str] = task["notebook_task"].get("base_parameters", {})
        dbfs = Dbfs(Path(task["dbfs"]))
        self.context: dict[str, str] = task["context"]
        self.secrets = dbutils.Secrets(outcome.secrets)
        self.values = dbutils.TaskValues(task["values"], outcome.values)
        self.workspace = Workspace(task["workspace"], dbfs.root)
        self.spark = SparkSession.builder.getOrCreate()
        self.files = Files(self.spark, dbfs)
        self.folder = folder
        self._thread = threading.local()
        self._give_threads_their_session()
        libraries.environment(folder)
        dbfs.take_over_files()

    @contextlib.contextmanager
    def new_session(self) -> Iterator[SparkSession]:
        """A session of another notebook: it shares the tables and global views, not the rest."""
        session = self.spark.newSession()
        outer, self._thread.session = getattr(self._thread, "session", None), session
        if is_main_thread():
            SparkSession._instantiatedSession = session
        try:
            yield session
        finally:
            self._thread.session = outer
            if is_main_thread():
                is_stopped = not self.spark.sparkContext._jsc
                SparkSession._instantiatedSession = None if is_stopped else self.spark

    def _give_threads_their_session(self) -> None:
        """Let ``getOrCreate`` in a thread that runs a notebook give the notebook's session."""
        get_or_create = SparkSession.Builder.getOrCreate

        def of_thread(builder: Any) -> SparkSession:
            session: SparkSession | None = getattr(self._thread, "session", None)
            if session is None or is_main_thread():
                return get_or_create(builder)
            module = SparkSession._get_j_spark_session_module(session._jvm)
            module.applyModifiableSettings(session._jsparkSession, builder._options)
            return session

        SparkSession.Builder.getOrCreate = of_thread
