"""The health check of Airflow's processes, against a real server that answers as Airflow's does."""

from __future__ import annotations

import json
import os
import runpy
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.support.upstream import Answer, Upstream

FILE = Path(__file__).resolve().parents[2] / "services/airflow/health.py"
BEAT = "2026-01-01T00:00:00+00:00"
TOLD = {
    "metadatabase": {"status": "healthy"},
    "scheduler": {"status": "healthy", "latest_scheduler_heartbeat": BEAT},
    "dag_processor": {"status": None, "latest_dag_processor_heartbeat": None},
    "triggerer": {"status": "unhealthy", "latest_triggerer_heartbeat": BEAT},
}


@pytest.fixture
def server() -> Iterator[Upstream]:
    with Upstream(Answer(body=json.dumps(TOLD).encode())) as found:
        yield found


def check(url: str, component: str, *process: str) -> int:
    # A script: Airflow's environment has none of the project's packages.
    status: int = runpy.run_path(str(FILE))["main"](url, component, *process)
    return status


@pytest.mark.parametrize(
    ("component", "status", "said"),
    [
        ("metadatabase", 0, ""),
        ("scheduler", 0, ""),
        ("dag_processor", 1, "dag_processor: None, last heartbeat: none yet\n"),
        ("triggerer", 1, f"triggerer: unhealthy, last heartbeat: {BEAT}\n"),
    ],
)
def test_a_component_is_what_the_api_server_says(
    server: Upstream, capsys: pytest.CaptureFixture[str], component: str, status: int, said: str
) -> None:
    assert check(server.url, component) == status
    assert capsys.readouterr().err == said
    assert [request.path for request in server.received] == ["/api/v2/monitor/health"]


def test_the_heartbeat_of_the_process_before_is_no_sign_of_this_one(
    server: Upstream, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    beat = datetime.now(UTC) - timedelta(seconds=10)
    told = {"status": "healthy", "latest_scheduler_heartbeat": beat.isoformat()}
    server.answer = Answer(body=json.dumps(TOLD | {"scheduler": told}).encode())
    process = tmp_path / "scheduler.process"

    def started(seconds_ago: float) -> None:
        start = time.clock_gettime(time.CLOCK_BOOTTIME) - seconds_ago
        ticks = int(start * os.sysconf("SC_CLK_TCK"))
        process.write_text(f"{os.getpid()}\nboot {ticks}\n")

    started(5)
    assert check(server.url, "scheduler", str(process)) == 1
    said = f"scheduler: no heartbeat since it started, the last one: {beat.isoformat()}\n"
    assert capsys.readouterr().err == said
    started(60)
    assert check(server.url, "scheduler", str(process)) == 0
    assert check(server.url, "metadatabase", str(process)) == 0
    process.unlink()  # a process of the release before
    assert check(server.url, "scheduler", str(process)) == 0


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Answer(503, body=b'{"detail": "starting"}'), "it answers 503"),
        (Answer(200, body=b"<html>"), "Expecting value"),
    ],
)
def test_another_answer_is_no_health(
    server: Upstream, capsys: pytest.CaptureFixture[str], answer: Answer, said: str
) -> None:
    server.answer = answer
    assert check(server.url, "scheduler") == 1
    assert said in capsys.readouterr().err


def test_no_answer_is_no_health(capsys: pytest.CaptureFixture[str]) -> None:
    assert check("http://127.0.0.1:9", "scheduler") == 1
    assert "refused" in capsys.readouterr().err
