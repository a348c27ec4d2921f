"""Calls after the first import of a module."""

import importlib
import importlib.util
import sys

import pytest

from services.databricks.runner.after_import import after_import


@pytest.mark.parametrize("looked_for", [False, True])
def test_a_function_is_called_once_after_the_first_import(
    monkeypatch: pytest.MonkeyPatch, looked_for: bool
) -> None:
    """An earlier search for the module does not trigger the call."""
    monkeypatch.delitem(sys.modules, "colorsys", raising=False)
    calls: list[bool] = []
    after_import("colorsys", lambda: calls.append(hasattr(sys.modules["colorsys"], "rgb_to_hsv")))
    if looked_for:
        assert importlib.util.find_spec("colorsys") is not None
    assert calls == []
    for _ in range(2):
        importlib.import_module("colorsys")
        monkeypatch.delitem(sys.modules, "colorsys")
    assert calls == [True]
