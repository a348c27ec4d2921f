"""Sets the defaults of a task's sessions, whether the runner or the task's code builds them.

It adds no time to a task that does not import pyspark.
"""

import importlib.util
import os
import shlex
import sys
from collections.abc import Callable, Mapping
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from typing import Any


class _Import(MetaPathFinder):
    def __init__(self, name: str, call: Callable[[], None]) -> None:
        self._name, self._call = name, call
        self._looking = False

    def find_spec(self, name: str, path: Any, target: Any = None) -> ModuleSpec | None:
        if name != self._name or self._looking:
            return None
        self._looking = True  # a caller may find the module without importing it, so this stays
        try:
            spec = importlib.util.find_spec(name)
        finally:
            self._looking = False
        if spec and spec.loader:
            execute = spec.loader.exec_module

            def execute_and_call(module: Any) -> None:
                sys.meta_path.remove(self)
                execute(module)
                self._call()

            spec.loader.exec_module = execute_and_call  # type: ignore[method-assign]
        return spec


def after_import(name: str, call: Callable[[], None]) -> None:
    """Call a function once, right after the first import of a module."""
    sys.meta_path.insert(0, _Import(name, call))


def on_context(call: Callable[[Any], None]) -> None:
    """Call a function with each Spark context that this process creates."""
    from pyspark import SparkContext

    initialise = SparkContext._do_init

    def initialise_and_call(self: Any, *args: Any, **kwargs: Any) -> None:
        initialise(self, *args, **kwargs)
        call(self)

    SparkContext._do_init = initialise_and_call


def set_defaults(conf: Mapping[str, str]) -> None:
    """Set the defaults of sessions in the JVM that serves this task.

    A JVM keeps the settings of the task before, so each task sets them all. Code that sets them for
    its own session overrides them.
    """
    if "PYSPARK_GATEWAY_PORT" in os.environ:
        from pyspark.java_gateway import launch_gateway

        gateway = launch_gateway()  # connects to the JVM that waits there
        for name, value in conf.items():
            gateway.jvm.System.setProperty(name, value)
        gateway.close()
    else:  # pyspark starts a JVM, with these options
        options = shlex.join(part for item in conf.items() for part in ("--conf", "=".join(item)))
        given = os.environ.get("PYSPARK_SUBMIT_ARGS", "pyspark-shell")
        os.environ["PYSPARK_SUBMIT_ARGS"] = f"{options} {given}"
