"""The Spark settings of a task, by the runtime of its cluster."""

from typing import Any

import pytest

from contract.errors import SettingError
from contract.settings import Settings
from contract.values import runtime
from services.databricks.api.errors import ApiError
from services.databricks.engine.clusters import Spec
from services.databricks.engine.runtimes import ANSI, CHANGED, Changed, check, session_conf
from tests.support import ROOT

TIME_PARSER = "spark.sql.legacy.timeParserPolicy"


@pytest.mark.parametrize(
    ("version", "ansi", "time_parser", "bang", "safe_arrow"),
    [
        (14, "false", "EXCEPTION", "true", "false"),
        (16, "false", "EXCEPTION", "false", "false"),
        (17, "true", "CORRECTED", "false", "false"),
        (18, "true", "CORRECTED", "false", "true"),
    ],
)
def test_a_session_starts_with_the_defaults_of_its_runtime(
    version: int, ansi: str, time_parser: str, bang: str, safe_arrow: str
) -> None:
    found = session_conf(version, {})
    assert found.keys() == {setting.name for setting in CHANGED}
    assert found[ANSI] == ansi
    assert found[TIME_PARSER] == time_parser
    assert found["spark.sql.legacy.bangEqualsNot"] == bang
    assert found["spark.sql.execution.pandas.convertToArrowArraySafely"] == safe_arrow


@pytest.mark.parametrize("version", [9, 18])
@pytest.mark.parametrize("value", ["true", "false"])
def test_a_setting_of_the_cluster_wins(version: int, value: str) -> None:
    found = session_conf(version, {ANSI: value, "spark.x": "1"})
    assert found == session_conf(version, {}) | {ANSI: value}


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("7.3.x-hls-scala2.12", 7),
        ("14.3.x-cpu-ml-scala2.12", 14),
        ("15.4.x-aarch64-photon-scala2.12", 15),
        ("apache-spark-2.4.x-scala2.11", 2),
        ("custom:release__11.3.x-snapshot-scala2.12", 11),
        ("custom:custom-local__13.3.x-scala2.12", 13),
        ("17.3.x-gpu-ml-scala2.13", 17),
        ("18.x-scala2.13", 18),
    ],
)
def test_every_form_of_a_runtime_is_read(version: str, expected: int) -> None:
    check(version)
    assert runtime(version) == expected


@pytest.mark.parametrize("cluster", [{"num_workers": 0}, {"spark_version": "auto:latest-lts"}])
def test_a_cluster_without_a_valid_runtime_has_the_default(cluster: dict[str, Any]) -> None:
    """Only a policy can set its version, or it was stored before versions were checked."""
    assert Spec.of(cluster, "16.4.x-scala2.12") == Spec("16.4.x-scala2.12")


@pytest.mark.parametrize("version", ["auto:latest-lts", "latest", "16", "v16.4", "16.4 x"])
def test_an_invalid_runtime_is_named(version: str) -> None:
    with pytest.raises(ApiError, match=f"^Invalid spark version {version}.$"):
        check(version)
    with pytest.raises(SettingError, match=f"CLUSTER_SPARK_VERSION is '{version}': .* 16.4.x"):
        Settings.from_environ({"CLUSTER_SPARK_VERSION": version})


@pytest.mark.parametrize("setting", CHANGED, ids=lambda setting: setting.name)
def test_the_page_lists_each_setting(setting: Changed) -> None:
    page = (ROOT / "docs/bring-your-own.md").read_text(encoding="utf-8")
    defaults = f"| {setting.since} | `{setting.before}` | `{setting.after}` |"
    assert f"| `{setting.name}` {defaults} {setting.effect} |" in page
