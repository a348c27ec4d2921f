"""The alert is one object for each failed try, and it never raises."""

import json
import logging
import uuid
from typing import Any

import pytest
from context import TaskInstance
from running import aws_at

from pinterest.alert import alert
from tests.support.ports import free_port

RUN = "manual__2026-03-01T09:30:00+00:00"
KEY = f"alerts/0a1b2c3d4e5f_dag/{RUN}/check_quality/%d.json"


@pytest.fixture
def bucket(s3: Any, monkeypatch: pytest.MonkeyPatch) -> str:
    """A bucket of the test's own."""
    name = f"bucket-{uuid.uuid4().hex}"
    monkeypatch.setattr("pinterest.alert.BUCKET", name)
    s3.create_bucket(Bucket=name)
    return name


def failed(error: str, number: int = 1) -> dict[str, Any]:
    return {
        "ti": TaskInstance("check_quality", RUN, number),
        "exception": RuntimeError(error),
    }


def stored_alert(s3: Any, bucket: str, number: int = 1) -> dict[str, Any]:
    body: dict[str, Any] = json.load(s3.get_object(Bucket=bucket, Key=KEY % number)["Body"])
    return body


def test_an_alert_names_the_failed_task_and_its_error(bucket: str, s3: Any) -> None:
    alert(failed("2 % of the rows are in quarantine, ü"))
    assert stored_alert(s3, bucket) == {
        "dag": "0a1b2c3d4e5f_dag",
        "run": RUN,
        "task": "check_quality",
        "try": 1,
        "error": "2 % of the rows are in quarantine, ü",
    }


def test_a_try_is_reported_once(bucket: str, s3: Any, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "pinterest"):
        for error in ("the first", "the first, reported again"):
            alert(failed(error))
    alert(failed("the second", 2))
    assert stored_alert(s3, bucket)["error"] == "the first"
    assert stored_alert(s3, bucket, 2)["error"] == "the second"
    assert [line for line in caplog.messages if line.endswith("already exists")]


def test_a_missing_bucket_is_logged(bucket: str, s3: Any, caplog: pytest.LogCaptureFixture) -> None:
    s3.delete_bucket(Bucket=bucket)
    alert(failed("bad"))
    assert "The alert could not be written" in caplog.messages
    assert [line for line in caplog.messages if line.startswith("ALERT ")]


def test_an_outage_of_s3_is_logged(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", aws_at(f"http://127.0.0.1:{free_port()}"))
    alert(failed("bad"))
    assert "The alert could not be written" in caplog.messages


@pytest.mark.parametrize("context", [{}, {"ti": None}, None])
def test_a_context_without_a_task_is_logged(context: Any, caplog: pytest.LogCaptureFixture) -> None:
    alert(context)
    assert caplog.messages == ["The alert could not be written"]
