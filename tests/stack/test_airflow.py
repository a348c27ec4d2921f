"""The demo runs the DAG, whose run is in Airflow's UI, with a link to the page of the job."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import requests

from contract.results import RESULTS
from hops.airflow import USER
from tests.conftest import Stack
from tests.support import ROOT
from tests.support.airflow import Airflow

if TYPE_CHECKING:
    import subprocess

    from playwright.sync_api import Page

TASKS = ("wait_for_objects", "run_batch", "check_quality", "publish")
SCREENSHOTS = ROOT / ".build/screenshots"
LIMIT = 20_000
"""Milliseconds that a page may take to show something."""

NAMES = ("chromium", "chromium-browser", "google-chrome")
# It sends no requests of its own, and runs without a sandbox, as in a container.
OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
    "--disable-component-update",
    "--disable-background-networking",
]


@contextmanager
def new_page() -> Iterator[Page]:
    """A new page in its own browser; skips the test if no browser is installed."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        own = playwright.chromium.executable_path
        path = own if Path(own).exists() else next(filter(None, map(shutil.which, NAMES)), None)
        if path is None:
            pytest.skip("no Chromium is installed: `playwright install chromium`, or the system's")
        browser = playwright.chromium.launch(executable_path=path, args=OPTIONS)
        try:
            yield browser.new_page(viewport={"width": 1400, "height": 900})
        finally:
            browser.close()


@pytest.fixture(scope="module")
def demo(stack: Stack) -> subprocess.CompletedProcess[str]:
    return stack.pinpipe("demo", "--posts", "20", timeout=600)


@pytest.fixture(scope="module")
def run_id(demo: subprocess.CompletedProcess[str]) -> str:
    """Id of the run that the demo has triggered."""
    found = re.search(r"/runs/(\S+)", demo.stderr)
    assert found, demo.stderr
    return found[1]


@pytest.mark.timeout(700)
def test_demo_counts_the_rows_at_every_hop(demo: subprocess.CompletedProcess[str]) -> None:
    assert demo.returncode == 0, demo.stderr
    for hop in ("source", "gateway", "kafka", "s3"):
        assert re.search(rf"{hop}\b.*\D20\D.*\D20\D.*\D20\D", demo.stdout)
    titles = re.findall(r"^\s*(\w+)\. ", demo.stdout, re.MULTILINE)
    assert titles == [result.name for result in RESULTS]
    for task in TASKS:
        assert f"airflow: {task} success" in demo.stderr
    last = demo.stderr.splitlines()[-1]
    assert "its posts are in the topics" in last
    assert "`pinpipe down --volumes`" in last


def test_the_run_published_the_tables_with_its_jobs(airflow: Airflow, run_id: str) -> None:
    assert airflow.tasks(run_id) == dict.fromkeys(TASKS, "success")
    (event,) = airflow.published(run_id)
    assert set(event["extra"]["runs"]) == {"run_batch", "check_quality"}
    assert event["extra"]["pages"]["run_batch"] == airflow.xcom(run_id, "run_batch", "run_page_url")


def test_only_the_generated_password_is_accepted(stack: Stack, airflow: Airflow) -> None:
    made = stack.pinpipe("password").stdout.strip()
    assert len(made) > 12
    for password, status in ((made, 201), (USER, 401), ("", 400)):
        body = {"username": USER, "password": password}
        answer = requests.post(f"{airflow.url}/auth/token", json=body, timeout=30)
        assert answer.status_code == status, password


def test_the_ui_shows_the_run_with_a_link_to_its_job(airflow: Airflow, run_id: str) -> None:
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    run = f"{airflow.url}/dags/{airflow.dag_id}/runs/{run_id}"
    with new_page() as page:
        page.set_default_timeout(LIMIT)
        page.goto(run)
        page.get_by_label("Username").fill(USER)
        page.get_by_label("Password").first.fill(airflow.password)
        page.screenshot(path=SCREENSHOTS / "1-login.png")
        page.get_by_role("button", name="Sign in").click()

        page.get_by_role("button", name=re.compile("^Show Graph")).click()
        for task in TASKS:
            node = page.get_by_test_id(f"rf__node-{task}")
            node.get_by_text("success").wait_for()
        page.screenshot(path=SCREENSHOTS / "2-graph.png")

        page.goto(f"{run}/tasks/run_batch/details")
        link = page.get_by_role("link", name="See Databricks Job Run")
        link.wait_for()
        operator = page.get_by_role("row").filter(has_text="DatabricksSubmitRunOperator")
        operator.first.wait_for()
        page.screenshot(path=SCREENSHOTS / "3-task.png")
        with page.context.expect_page() as opened:
            link.click()
        job = opened.value
        job.get_by_text("run_batch").first.wait_for(timeout=LIMIT)
        job.get_by_text("SUCCESS").first.wait_for(timeout=LIMIT)
        job.screenshot(path=SCREENSHOTS / "4-job.png")
        assert job.url == airflow.xcom(run_id, "run_batch", "run_page_url")
