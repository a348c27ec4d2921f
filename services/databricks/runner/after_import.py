"""Calls a function after the first import of a module, so tasks without it take no time."""

import importlib.util
import sys
from collections.abc import Callable
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
