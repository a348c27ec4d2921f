"""The defaults that the runner sets before the code of a task builds a session."""

import importlib
import importlib.util
import os
import sys

import pytest

from services.databricks.runner.sessions import after_import, set_defaults


def test_a_jvm_that_pyspark_starts_has_the_settings_on_its_command_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("PYSPARK_GATEWAY_PORT", raising=False)
    monkeypatch.setenv("PYSPARK_SUBMIT_ARGS", "--properties-file a pyspark-shell")
    set_defaults({"spark.sql.ansi.enabled": "false", "spark.x": "a b"})
    assert os.environ["PYSPARK_SUBMIT_ARGS"] == (
        "--conf spark.sql.ansi.enabled=false --conf 'spark.x=a b' --properties-file a pyspark-shell"
    )


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
