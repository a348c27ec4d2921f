"""The Spark settings of a task, by the runtime of its cluster."""

from typing import Any

import pytest

from contract.errors import SettingError
from contract.settings import Settings
from services.databricks.api.errors import ApiError
from services.databricks.engine.runtimes import ANSI, check, session_conf

EXISTING = {"existing_cluster_id": "1108-162752-8okw8dgg"}


@pytest.mark.parametrize(
    ("task", "cluster", "existing", "ansi"),
    [
        (EXISTING, {}, "16.4.x-scala2.12", "false"),
        (EXISTING, {}, "17.0.x-scala2.13", "true"),
        ({}, {"spark_version": "16.4.x-scala2.12"}, "17.0.x-scala2.13", "false"),
        ({}, {"spark_version": "18.x-scala2.13"}, "16.4.x-scala2.12", "true"),
        (EXISTING, {"spark_version": "18.x-scala2.13"}, "16.4.x-scala2.12", "true"),
        # Only a policy can set its version.
        ({}, {"num_workers": 0}, "16.4.x-scala2.12", "false"),
        ({}, {"num_workers": 0}, "17.3.x-scala2.13", "true"),
        # A job that was stored before versions were checked.
        ({}, {"spark_version": "auto:latest-lts"}, "16.4.x-scala2.12", "false"),
        # Serverless.
        ({"environment_key": "default"}, {}, "16.4.x-scala2.12", "true"),
        ({}, {"spark_version": "9.1.x-scala2.12", "spark_conf": {ANSI: "true"}}, "9.x", "true"),
        ({}, {"spark_version": "18.x-scala2.13", "spark_conf": {ANSI: "false"}}, "9.x", "false"),
    ],
)
def test_the_runtime_decides_on_ansi_mode(
    task: dict[str, Any], cluster: dict[str, Any], existing: str, ansi: str
) -> None:
    assert session_conf(task, cluster, existing) == {ANSI: ansi}


@pytest.mark.parametrize(
    ("version", "ansi"),
    [
        ("7.3.x-hls-scala2.12", "false"),
        ("14.3.x-cpu-ml-scala2.12", "false"),
        ("15.4.x-aarch64-photon-scala2.12", "false"),
        ("apache-spark-2.4.x-scala2.11", "false"),
        ("custom:release__11.3.x-snapshot-scala2.12", "false"),
        ("custom:custom-local__13.3.x-scala2.12", "false"),
        ("17.3.x-gpu-ml-scala2.13", "true"),
        ("18.x-scala2.13", "true"),
    ],
)
def test_every_form_of_a_runtime_is_read(version: str, ansi: str) -> None:
    check(version)
    assert session_conf({}, {"spark_version": version}, "") == {ANSI: ansi}


@pytest.mark.parametrize("version", ["auto:latest-lts", "latest", "16", "v16.4", "16.4 x"])
def test_an_invalid_runtime_is_named(version: str) -> None:
    with pytest.raises(ApiError, match=f"^Invalid spark version {version}.$"):
        check(version)
    with pytest.raises(SettingError, match=f"CLUSTER_SPARK_VERSION is '{version}': .* 16.4.x"):
        Settings.from_environ({"CLUSTER_SPARK_VERSION": version})
