"""The variables of the target of the end-to-end tests: derived values and refused ones."""

from pathlib import Path

import pytest

from contract.errors import SettingError
from tests.support.e2e.target import Target, TargetError, target_variables
from tests.unit import test_doctor_target

GOOD = test_doctor_target.GOOD | {
    "AWS_SESSION_TOKEN": "",
    "KAFKA_AUTH": "iam",
    "DATABRICKS_HOST": "https://workspace.example",
    "DATABRICKS_TOKEN": "hidden",
    "AIRFLOW_URL": "",
    "DELTA_ROOT": "",
}
"""All variables that .env.aws of the person who runs the tests may have."""


def target(**changed: str) -> Target:
    return Target(target_variables(GOOD | changed), "e2e0123abcd", 1, Path())


def test_a_run_differs_from_the_deployment_in_two_variables() -> None:
    found = target()
    assert found.own == {
        "USER_ID": "0e36c8cd403de2e0123abcd",
        "DELTA_ROOT": "s3://user-0e36c8cd403d-bucket/delta/0e36c8cd403de2e0123abcd",
    }
    assert (found.settings.user_id, found.settings.delta_root) == tuple(found.own.values())
    assert found.access.settings.bucket == found.deployed.bucket == "user-0e36c8cd403d-bucket"


def test_the_tables_of_a_run_are_below_the_deployment_s() -> None:
    found = target(DELTA_ROOT="s3://elsewhere/lake/")
    assert found.own["DELTA_ROOT"] == "s3://elsewhere/lake/0e36c8cd403de2e0123abcd"


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("GATEWAY_INVOKE_URL", "", "GATEWAY_INVOKE_URL: it is not set"),
        ("GATEWAY_INVOKE_URL", "https://<api id>.example/dev", "GATEWAY_INVOKE_URL: it is not set"),
        ("KAFKA_AUTH", "kerberos", "KAFKA_AUTH: it is 'kerberos': it must be none"),
        ("DATABRICKS_HOST", "", "DATABRICKS_HOST: it is not set; the jobs run through it"),
        ("DATABRICKS_TOKEN", "", "DATABRICKS_TOKEN: it is not set, but DATABRICKS_HOST is"),
    ],
)
def test_a_missing_or_invalid_variable_is_reported(name: str, value: str, message: str) -> None:
    with pytest.raises(TargetError) as refused:
        target_variables(GOOD | {name: value})
    line, hint = str(refused.value).splitlines()
    assert line.startswith(message)
    assert "pinpipe doctor --target aws" in hint


def test_a_user_id_too_long_for_the_suffix_is_refused() -> None:
    with pytest.raises(SettingError, match=f"USER_ID.*{'a' * 22}e2e0123abcd"):
        target(USER_ID="a" * 22).settings  # noqa: B018


def test_no_secret_is_shown_when_a_test_fails() -> None:
    assert "hidden" not in repr(target())
