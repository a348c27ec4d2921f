"""A stack of the previous release: this one ends it, starts it again, and finds its data."""

import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import requests

from contract import names
from contract.entities import ENTITIES
from hops import kafka, objects, tables
from hops.access import Access
from pinpipe.engines import engine
from tests.conftest import OF_ACCOUNTS, pinpipe
from tests.support import ROOT
from tests.support.waiting import wait_for

BEFORE = "abda5642a277d03cd30d0e6420748934f7854e0e"
"""The last commit of the previous release."""
POSTS = 20
TOKEN = "token-of-both-releases"
LIMIT = 900
"""Seconds that a start may take, images built."""

pytestmark = [pytest.mark.long, pytest.mark.timeout(3 * LIMIT)]


@pytest.fixture
def before(tmp_path: Path) -> Iterator[Path]:
    """A checkout of the previous release, with the environments of this one."""
    folder = tmp_path / "before"
    git = ("git", "-C", str(ROOT), "worktree")
    subprocess.run((*git, "add", "--quiet", "--detach", str(folder), BEFORE), check=True)
    for shared in (".venv", ".build"):
        (folder / shared).symlink_to(ROOT / shared)
    yield folder
    subprocess.run((*git, "remove", "--force", str(folder)), check=True)


@pytest.fixture
def variables(own_variables: dict[str, str]) -> dict[str, str]:
    """Settings by their former and present names, without the marked keys.

    The previous release would take those for its own.
    """
    for name in OF_ACCOUNTS:
        del own_variables[name]
    former = {"JOBS_API_PORT": own_variables["DATABRICKS_PORT"], "JOBS_API_TOKEN": TOKEN}
    return own_variables | former | {"LOCAL_DATABRICKS_TOKEN": TOKEN}


def row_counts(access: Access) -> dict[str, int]:
    """Rows of each entity in its topic, in objects and in the table of the streaming pipeline."""
    found: dict[str, int] = {}
    for entity in ENTITIES:
        topic = names.topic(access.settings.user_id, entity)
        first, end = kafka.offsets(access, topic)
        found[f"kafka {entity.name}"] = sum(end.values()) - sum(first.values())
        found[f"s3 {entity.name}"] = sum(1 for _ in objects.records_from(access, topic, first))
        found[f"delta {entity.name}"] = len(tables.keys(access, entity, "streaming"))
    return found


def jobs(variables: dict[str, str], call: str, **body: object) -> dict[str, Any]:
    """Response of the Jobs API: ``databricks`` now, ``jobs-api`` in the previous release."""
    url = f"http://127.0.0.1:{variables['DATABRICKS_PORT']}/api/2.1/jobs/{call}"
    headers = {"Authorization": f"Bearer {TOKEN}"}
    if body:
        response = requests.post(url, json=body, headers=headers, timeout=30)
    else:
        response = requests.get(url, headers=headers, timeout=30)
    response.raise_for_status()
    found: dict[str, Any] = response.json()
    return found


def test_down_and_up_find_what_was_sent(before: Path, variables: dict[str, str]) -> None:
    run = partial(pinpipe, variables, timeout=LIMIT)
    run_before = partial(run, folder=before, module="stack.cli")
    run_before("up")
    send = ("--count", str(POSTS), "--rate", "max")
    for program in ("batch", "streaming"):
        run_before("emulate", program, *send)
    access = Access(engine.choose(print, variables).client_environment)
    sent = {name: POSTS for name in row_counts(access)}
    task = {"task_key": "one", "spark_python_task": {"python_file": "/Shared/one.py"}}
    made = jobs(variables, "create", name="of before", tasks=[task])
    wait_for("the posts to be stored", lambda: row_counts(access) == sent, 120, 1)

    # The service databricks had another name.
    assert "databricks" in run("status", check=False).stdout
    run("down")
    assert not engine.choose(print, variables).runs()
    run("up")
    assert row_counts(Access(engine.choose(print, variables).client_environment)) == sent
    assert [job["job_id"] for job in jobs(variables, "list")["jobs"]] == [made["job_id"]]
    run("emulate", "batch", "--count", "1", "--rate", "max")
