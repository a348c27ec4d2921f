"""Processor seconds of a parse of the DAG, and of an empty DAG in the same environment.

Airflow parses each file every half minute; MWAA's smallest environment has one processor for that.
"""

import json
import os
import statistics
import subprocess
from collections.abc import Callable
from pathlib import Path

from tests.support import ROOT

EMPTY = """
from airflow.sdk import DAG

with DAG("empty"):
    pass
"""
ROUNDS = 5
LIMIT = 0.2
"""Seconds that a parse may take."""


def seconds(file: Path, home: Path) -> float:
    """Return the processor seconds of Airflow's import of ``file``."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")},
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "airflow/plugins"),
    }
    parsing = ROOT / "tests/support/dags/parsing.py"
    command = [ROOT / ".build/envs/airflow/bin/python", parsing, file]
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    parsed = json.loads(done.stdout.splitlines()[-1])
    assert parsed["errors"] == {}
    assert len(parsed["dags"]) == 1
    return float(parsed["seconds"])


def test_a_parse_of_the_dag(tmp_path: Path, say: Callable[..., None]) -> None:
    empty = tmp_path / "empty.py"
    empty.write_text(EMPTY)
    rounds = [
        (seconds(ROOT / "airflow/dags/batch_pipeline.py", tmp_path), seconds(empty, tmp_path))
        for _ in range(ROUNDS)
    ]
    ours, least = (statistics.median(taken) for taken in zip(*rounds, strict=True))
    assert ours < LIMIT
    say(f"parse of the DAG: {ours:.3f} s of processor time, of an empty one {least:.3f} s")
