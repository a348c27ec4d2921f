"""What `pinpipe doctor --target aws` says of a workspace: here the local Jobs API."""

from __future__ import annotations

from pathlib import Path

import pytest

from stack.bundle import FILE
from stack.cloud import workspace
from stack.cloud.account import Account
from stack.cloud.finding import Finding
from tests.contracts.jobs_api.running import TOKEN, JobsApi

ROOT = Path(__file__).resolve().parents[3]


def told(url: str, token: str, root: Path = ROOT) -> list[Finding]:
    """What is found with that address and token."""
    account = Account({"JOBS_API_URL": url, "JOBS_API_TOKEN": token})
    return list(workspace.databricks(account, root))


def test_a_good_token_and_the_runtime_are_found(api: JobsApi) -> None:
    found = told(api.url, TOKEN)
    assert all(finding.fine for finding in found)
    assert [finding.what for finding in found] == [
        "the token is good (jobs/list of one job)",
        "it has runtime 18.x-scala2.13",
    ]


def test_a_wrong_token_is_refused(api: JobsApi) -> None:
    (finding,) = told(api.url, "another")
    assert finding.what.startswith("it refuses the token: 40")
    assert "JOBS_API_TOKEN" in finding.remedy


def test_an_address_with_a_path_is_told(api: JobsApi) -> None:
    (finding,) = told(f"{api.url}/somewhere", TOKEN)
    assert finding.what == "jobs/list is 404"
    assert "JOBS_API_URL" in finding.remedy


def test_a_runtime_that_the_workspace_lacks_is_told(api: JobsApi, tmp_path: Path) -> None:
    (tmp_path / "spark").mkdir()
    text = (ROOT / FILE).read_text()
    (tmp_path / FILE).write_text(text.replace("18.x-scala2.13", "9.1.x-scala2.12"))
    _, finding = told(api.url, TOKEN, tmp_path)
    assert finding.what == "it has no runtime 9.1.x-scala2.12"
    assert "spark_jobs.py" in finding.remedy


@pytest.mark.parametrize("wrong", ["http://127.0.0.1:1", "https://127.0.0.1:1"])
def test_a_dead_address_is_told(wrong: str) -> None:
    (finding,) = told(wrong, TOKEN)
    assert finding.what.startswith("jobs/list: ")
    assert finding.remedy == "correct JOBS_API_URL"
