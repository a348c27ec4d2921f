"""A foreign DAG (tests/foreign) loads as it is; for one of Airflow 2 the error names the line."""

import json
import os
import subprocess
import sys
from pathlib import Path

from airflow.dag_processing.dagbag import DagBag

from tests.support import ROOT, elsewhere

DAG_FILE = ROOT / "tests/foreign/dags/notebook_dag.py"
PARSE = """
import json, sys
from airflow.dag_processing.dagbag import DagBag
bag = DagBag(sys.argv[1])
errors = {file: text.strip().splitlines()[-1] for file, text in bag.import_errors.items()}
print("found", json.dumps([list(bag.dags), errors]))
"""


def test_a_foreign_dag_loads_and_one_of_airflow_2_fails_with_the_line_to_change(
    tmp_path: Path,
) -> None:
    text = DAG_FILE.read_text()
    assert 'schedule="@daily"' in text
    (tmp_path / "theirs.py").write_text(text)
    for name, value in (("daily", "@daily"), ("never", None)):
        old = text.replace('schedule="@daily"', f"schedule_interval={value!r}")
        (tmp_path / f"{name}.py").write_text(old)
    done = subprocess.run(
        [sys.executable, "-c", PARSE, str(tmp_path)],
        env=dict(os.environ),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    (found,) = (line for line in done.stdout.splitlines() if line.startswith("found "))
    dags, errors = json.loads(found.removeprefix("found "))
    assert dags == ["0a1b2c3d4e5f_notebook_dag"]
    assert {Path(file).stem: error for file, error in errors.items()} == {
        name: f"TypeError: Airflow 3 has no schedule_interval: write schedule={value!r} instead "
        f"of schedule_interval={value!r} (docs/bring-your-own.md)"
        for name, value in (("daily", "@daily"), ("never", None))
    }


def test_a_loop_of_five_tasks_loads_after_one_change(tmp_path: Path) -> None:
    elsewhere.put("dags/five_tasks_dag.py", tmp_path, {"schedule_interval=": "schedule="})
    bag = DagBag(str(tmp_path))
    assert not bag.import_errors
    tasks = list(bag.dags["0a1b2c3d4e5f_five_tasks"].topological_sort())
    ids = [f"count_{name}" for name in ("albania", "aruba", "cuba", "fiji", "mali")]
    assert [task.task_id for task in tasks] == ids
    assert [task.downstream_task_ids for task in tasks] == [*({name} for name in ids[1:]), set()]
