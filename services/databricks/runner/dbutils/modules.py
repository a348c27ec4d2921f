"""The modules from which code imports ``dbutils``: ``pyspark.dbutils``, ``databricks.sdk.runtime``.

They are looked for last, so an installed databricks-sdk has its own.
"""

import functools
import sys
import warnings
from collections.abc import Callable, Mapping
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

from services.databricks.runner.dbutils.dbfs import Dbfs
from services.databricks.runner.outcome import TaskReport

DBUTILS, RUNTIME = "pyspark.dbutils", "databricks.sdk.runtime"
PACKAGES = ("databricks", "databricks.sdk")
NAMES: tuple[str, ...] = (
    *("dbutils", "display", "displayHTML", "getArgument"),
    *("sc", "spark", "sql", "sqlContext", "table", "udf"),
)
"""What ``databricks.sdk.runtime`` has."""


class _Finder(MetaPathFinder, Loader):
    def __init__(self) -> None:
        self.names: Callable[[], Mapping[str, Any]] = dict

    def find_spec(self, name: str, path: Any, target: Any = None) -> ModuleSpec | None:
        if name in (DBUTILS, RUNTIME, *PACKAGES):
            return ModuleSpec(name, self, is_package=name in PACKAGES)
        return None

    def exec_module(self, module: ModuleType) -> None:
        if module.__name__ == DBUTILS:
            module.__dict__["DBUtils"] = lambda *_: self.names()["dbutils"]
        elif module.__name__ == RUNTIME:
            module.__dict__.update(__all__=NAMES, __getattr__=self._name)

    def _name(self, name: str) -> Any:
        if name not in NAMES:  # Python asks for names of its own
            raise AttributeError(f"module '{RUNTIME}' has no attribute '{name}'")
        return self.names()[name]


_finder = _Finder()


def install(names: Callable[[], Mapping[str, Any]]) -> None:
    """Let the modules be found; ``names`` gives what they have when code asks for it."""
    _finder.names = names
    if _finder not in sys.meta_path:
        sys.meta_path.append(_finder)


def names_of(spark: Any, dbutils: Any) -> dict[str, Any]:
    """What code of Databricks finds for a session."""
    from pyspark.sql import SQLContext
    from pyspark.sql.functions import udf

    from services.databricks.runner.kernel.display import display, display_html

    with warnings.catch_warnings():  # the name is for older programs
        warnings.simplefilter("ignore")
        context = SQLContext(spark.sparkContext, spark)
    return {
        "spark": spark,
        "sc": spark.sparkContext,
        "sql": spark.sql,
        "sqlContext": context,
        "table": spark.table,
        "udf": udf,
        "dbutils": dbutils,
        "display": display,
        "displayHTML": display_html,
        "getArgument": dbutils.widgets.getArgument,
    }


def install_for_file(task: Mapping[str, Any], outcome: TaskReport) -> None:
    """Let a task without a notebook find the modules; its session is made when it asks for one."""

    @functools.cache
    def names() -> dict[str, Any]:
        from pyspark.sql import SparkSession

        from services.databricks.runner.dbutils import dbutils
        from services.databricks.runner.dbutils.fs import Files
        from services.databricks.runner.kernel.display import summarize

        def refuse(*_: Any) -> NoReturn:
            raise NotImplementedError("dbutils.notebook.run works in notebooks only")

        spark, widgets = SparkSession.builder.getOrCreate(), dbutils.Widgets({})
        given = dbutils.DBUtils(
            Files(spark, Dbfs(Path(task["dbfs"]))),
            widgets,
            dbutils.Secrets(outcome.secrets),
            dbutils.Notebook(refuse, dbutils.Context(task["context"], ""), widgets),
            dbutils.TaskValues(task["values"], outcome.values),
            summarize,
        )
        return names_of(spark, given)

    install(names)
