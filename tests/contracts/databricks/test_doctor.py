"""The findings of `pinpipe doctor --target aws` on a workspace, here the local Jobs API."""

import re
from pathlib import Path

import pytest

from pinpipe.deploy.bundle import FILE
from pinpipe.doctor import workspace
from pinpipe.doctor.account import Account
from pinpipe.doctor.finding import Finding
from tests.support import ROOT
from tests.support.databricks import TOKEN, JobsApi


def findings(url: str, token: str, root: Path = ROOT) -> list[Finding]:
    """The findings with an address and a token."""
    account = Account({"DATABRICKS_HOST": url, "DATABRICKS_TOKEN": token})
    return list(workspace.databricks(account, root))


def test_a_good_token_and_the_runtime_are_found(api: JobsApi) -> None:
    found = findings(api.url, TOKEN)
    assert all(finding.fine for finding in found)
    assert [finding.what for finding in found] == [
        "the token is valid (jobs/list of one job)",
        "it has runtime 18.x-scala2.13",
    ]


@pytest.mark.parametrize(
    ("address", "token", "what", "remedy"),
    [
        ("{api}", "another", "it refuses the token: 40.*", ".*DATABRICKS_TOKEN.*"),
        ("{api}/somewhere", TOKEN, "jobs/list returns 404", ".*DATABRICKS_HOST.*"),
        ("http://127.0.0.1:1", TOKEN, "jobs/list: .*", "correct DATABRICKS_HOST"),
        ("https://127.0.0.1:1", TOKEN, "jobs/list: .*", "correct DATABRICKS_HOST"),
    ],
)
def test_a_wrong_setting_is_reported_with_its_remedy(
    api: JobsApi, address: str, token: str, what: str, remedy: str
) -> None:
    (finding,) = findings(address.format(api=api.url), token)
    assert re.fullmatch(what, finding.what, re.DOTALL)
    assert re.fullmatch(remedy, finding.remedy, re.DOTALL)


def test_a_runtime_that_the_workspace_lacks_is_reported(api: JobsApi, tmp_path: Path) -> None:
    (tmp_path / "spark").mkdir()
    text = (ROOT / FILE).read_text()
    (tmp_path / FILE).write_text(text.replace("18.x-scala2.13", "9.1.x-scala2.12"))
    _, finding = findings(api.url, TOKEN, tmp_path)
    assert finding.what == "it has no runtime 9.1.x-scala2.12"
    assert "spark_jobs.py" in finding.remedy
