"""The health check of Airflow's processes, against a server that responds as Airflow's does."""

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
HEALTH = {
    "metadatabase": {"status": "healthy"},
    "scheduler": {"status": "healthy", "latest_scheduler_heartbeat": BEAT},
    "dag_processor": {"status": None, "latest_dag_processor_heartbeat": None},
    "triggerer": {"status": "unhealthy", "latest_triggerer_heartbeat": BEAT},
}


@pytest.fixture
def server() -> Iterator[Upstream]:
    with Upstream(Answer(body=json.dumps(HEALTH).encode())) as found:
        yield found


def check(url: str, component: str, *process: str) -> int:
    # A script: Airflow's environment has none of the project's packages.
    status: int = runpy.run_path(str(FILE))["main"](url, component, *process)
    return status


@pytest.mark.parametrize(
    ("component", "status", "message"),
    [
        ("metadatabase", 0, ""),
        ("scheduler", 0, ""),
        ("dag_processor", 1, "dag_processor: None, last heartbeat: none yet\n"),
        ("triggerer", 1, f"triggerer: unhealthy, last heartbeat: {BEAT}\n"),
    ],
)
def test_the_exit_status_is_that_of_the_component(
    server: Upstream, capsys: pytest.CaptureFixture[str], component: str, status: int, message: str
) -> None:
    assert check(server.url, component) == status
    assert capsys.readouterr().err == message
    assert [request.path for request in server.received] == ["/api/v2/monitor/health"]


def test_a_heartbeat_of_the_previous_process_does_not_count(
    server: Upstream, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    beat = datetime.now(UTC) - timedelta(seconds=10)
    scheduler = {"status": "healthy", "latest_scheduler_heartbeat": beat.isoformat()}
    server.answer = Answer(body=json.dumps(HEALTH | {"scheduler": scheduler}).encode())
    process = tmp_path / "scheduler.process"

    def started(seconds_ago: float) -> None:
        start = time.clock_gettime(time.CLOCK_BOOTTIME) - seconds_ago
        ticks = int(start * os.sysconf("SC_CLK_TCK"))
        process.write_text(f"{os.getpid()}\nboot {ticks}\n")

    started(5)
    assert check(server.url, "scheduler", str(process)) == 1
    message = f"scheduler: no heartbeat since it started, the last one: {beat.isoformat()}\n"
    assert capsys.readouterr().err == message
    started(60)
    assert check(server.url, "scheduler", str(process)) == 0
    assert check(server.url, "metadatabase", str(process)) == 0
    process.unlink()  # a process of an earlier release
    assert check(server.url, "scheduler", str(process)) == 0


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (Answer(503, body=b'{"detail": "starting"}'), "HTTP status 503"),
        (Answer(200, body=b"<html>"), "Expecting value"),
    ],
)
def test_an_unexpected_response_is_unhealthy(
    server: Upstream, capsys: pytest.CaptureFixture[str], answer: Answer, message: str
) -> None:
    server.answer = answer
    assert check(server.url, "scheduler") == 1
    assert message in capsys.readouterr().err


def test_a_missing_api_server_is_unhealthy(capsys: pytest.CaptureFixture[str]) -> None:
    assert check("http://127.0.0.1:9", "scheduler") == 1
    assert "refused" in capsys.readouterr().err
