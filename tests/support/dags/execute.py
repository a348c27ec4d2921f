"""Executes the tasks of a DAG file one after the other, as a worker does.

    python execute.py FILE

Prints for each task its id and the id of the run that it has submitted.
"""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path

from airflow.dag_processing.dagbag import DagBag
from context import context, triggered

RUN = triggered(datetime(2026, 3, 2, 9, 30, tzinfo=UTC))

if __name__ == "__main__":
    bag = DagBag(str(Path(sys.argv[1]).parent))
    assert not bag.import_errors, bag.import_errors
    (dag,) = bag.dags.values()
    for task in dag.topological_sort():
        ready = task.prepare_for_execution()
        ready.polling_period_seconds = 0.1
        task_context = context(ready, RUN)
        ready.render_template_fields(task_context)
        ready.execute(task_context)
        pushed = task_context["ti"].pushed
        print("executed", json.dumps([task.task_id, pushed["run_id"]]), flush=True)
