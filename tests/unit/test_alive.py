"""Health by a heartbeat, with real processes: one of an ended process does not count."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.support import ROOT


@pytest.fixture
def stream(tmp_path: Path) -> Path:
    """Folder in which a streaming job claims its process file and writes its heartbeat."""
    folder = tmp_path / "a run/data/stream"
    folder.mkdir(parents=True)
    return folder


def claimed_by(file: Path) -> subprocess.Popen[str]:
    """Start a process that claims ``file``, then becomes another program."""
    script = 'source services/alive.sh; claim "$1"; exec bash -c "echo claimed; read -r _"'
    process = subprocess.Popen(
        ["bash", "-euc", script, "bash", file],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "claimed\n"
    return process


def health(script: str, run_dir: Path, *arguments: str) -> tuple[int, str]:
    done = subprocess.run(
        [ROOT / script, *arguments],
        env={"PATH": os.environ["PATH"], "RUN_DIR": str(run_dir), "AIRFLOW_API_URL": "http://x"},
        capture_output=True,
        text=True,
        timeout=20,
    )
    return done.returncode, done.stderr


ENDED = "the process that wrote its heartbeat has ended\n"


def test_a_fresh_heartbeat_of_a_killed_job_does_not_count_for_the_next(stream: Path) -> None:
    run_dir = stream.parents[1]
    job = claimed_by(stream / "process")
    assert health("spark/health.sh", run_dir) == (1, "stream: not all of its queries have begun\n")
    (stream / "alive").touch()
    assert health("spark/health.sh", run_dir) == (0, "")
    job.kill()
    job.communicate()
    assert health("spark/health.sh", run_dir) == (1, f"stream: {ENDED}")
    # The next process of a container may have the same pid.
    with claimed_by(stream / "process") as later:
        pid, start = (stream / "process").read_text().splitlines()
        assert int(pid) == later.pid
        boot, ticks = start.split()
        (stream / "process").write_text(f"{pid}\n{boot} {int(ticks) - 1}\n")
        assert health("spark/health.sh", run_dir) == (1, f"stream: {ENDED}")
        later.communicate("\n")


def test_a_job_of_an_earlier_release_is_healthy_by_its_heartbeat(stream: Path) -> None:
    (stream / "alive").touch()
    assert health("spark/health.sh", stream.parents[1]) == (0, "")


@pytest.mark.parametrize(
    ("component", "name"),
    [
        ("metadatabase", "api-server"),
        ("scheduler", "scheduler"),
        ("dag_processor", "dag-processor"),
        ("triggerer", "triggerer"),
    ],
)
def test_a_killed_airflow_process_is_unhealthy_despite_its_last_heartbeat(
    tmp_path: Path, component: str, name: str
) -> None:
    folder = tmp_path / "data/airflow"
    folder.mkdir(parents=True)
    process = claimed_by(folder / f"{name}.process")
    process.kill()
    process.communicate()
    assert health("services/airflow/health.sh", tmp_path, component) == (1, f"{component}: {ENDED}")


def test_a_start_that_bsd_ps_pads_is_the_same_start(tmp_path: Path) -> None:
    """Without /proc the start comes from ``ps``, which prints a column of fixed width."""
    ps = tmp_path / "ps"
    ps.write_text('#!/usr/bin/env bash\nprintf "%-28s\\n" "Sun Nov 29 23:00:00 2026"\n')
    ps.chmod(0o755)
    script = (ROOT / "services/alive.sh").read_text().replace("/proc/self/stat", "/no/proc")
    (tmp_path / "alive.sh").write_text(script)
    run = 'source "$1/alive.sh"; claim "$1/process"; claimed "$1/process" && cat "$1/process"'
    done = subprocess.run(
        ["bash", "-euc", run, "bash", tmp_path],
        env={"PATH": f"{tmp_path}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=20,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[1] == "Sun Nov 29 23:00:00 2026"
