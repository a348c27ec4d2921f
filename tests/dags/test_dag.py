"""The DAGs as Airflow loads them: tasks, schedules, names and parameters."""

import json
import sys
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowException
from context import context, scheduled, triggered
from parsing import Parsed

MODULES = 50
DAGS = {"batch_pipeline": "0a1b2c3d4e5f_dag", "maintenance": "0a1b2c3d4e5f_maintenance_dag"}


def test_each_dag_parses_without_error_or_warning(parsed: tuple[str, Parsed]) -> None:
    name, found = parsed
    assert found.errors == {}
    assert found.warnings == []
    assert found.dags == [DAGS[name]]


def test_a_parse_imports_few_modules(parsed: tuple[str, Parsed]) -> None:
    """Modules that a DAG file imports itself."""
    _, found = parsed
    packages = {name.partition(".")[0] for name in found.modules}
    allowed = {"airflow", "packaging", "pinterest", *sys.stdlib_module_names}
    assert {name for name in packages - allowed if not name.startswith("unusual_prefix_")} == set()
    assert len(found.modules) < MODULES


def test_every_task_follows_the_one_before(dag: Any) -> None:
    assert {name: dag.get_task(name).downstream_task_ids for name in dag.task_ids} == {
        "wait_for_objects": {"run_batch"},
        "run_batch": {"check_quality"},
        "check_quality": {"publish"},
        "publish": set(),
    }


def test_each_dag_has_its_timetable_one_run_at_a_time_and_no_catchup(dags: dict[str, Any]) -> None:
    for dag in dags.values():
        assert (dag.catchup, dag.max_active_runs) == (False, 1)
        assert dag.doc_md
    assert {name: (type(dag.timetable).__name__, dag.tags) for name, dag in dags.items()} == {
        DAGS["batch_pipeline"]: ("CronDataIntervalTimetable", {"pinterest", "batch"}),
        DAGS["maintenance"]: ("CronTriggerTimetable", {"pinterest", "maintenance"}),
    }


@pytest.mark.parametrize("task_id", ["wait_for_objects", "run_batch", "publish"])
def test_a_task_is_retried_with_a_delay(dag: Any, task_id: str) -> None:
    task = dag.get_task(task_id)
    assert task.retries == 2
    assert task.retry_delay == timedelta(seconds=30)
    assert task.retry_exponential_backoff


def test_the_gate_is_not_retried(dag: Any) -> None:
    assert dag.get_task("check_quality").retries == 0


def test_every_task_has_a_time_out_and_an_alert(dags: dict[str, Any]) -> None:
    jobs = []
    for task in (task for dag in dags.values() for task in dag.tasks):
        assert task.execution_timeout == timedelta(minutes=10)
        assert [item.__name__ for item in task.on_failure_callback] == ["alert"]
        if hasattr(task, "json"):
            assert task.json["timeout_seconds"] == 3600
            jobs.append(task.task_id)
    assert sorted(jobs) == ["check_quality", "maintain_tables", "run_batch"]


def test_the_dags_survive_serialization(dags: dict[str, Any]) -> None:
    from airflow.serialization import serialized_objects

    form = getattr(serialized_objects, "DagSerialization", None) or serialized_objects.SerializedDAG
    for dag in dags.values():
        restored = form.from_dict(json.loads(json.dumps(form.to_dict(dag))))
        assert set(restored.task_ids) == set(dag.task_ids)
        assert set(restored.params) == set(dag.params)


def test_maintenance_runs_every_night_and_waits_without_a_worker(maintenance: Any) -> None:
    assert maintenance.timetable.expression == "30 2 * * *"
    assert maintenance.is_paused_upon_creation is False
    (task,) = maintenance.tasks
    assert task.deferrable


def test_the_user_id_is_in_every_name(dag: Any) -> None:
    wait = dag.get_task("wait_for_objects")
    assert wait.bucket == "user-0a1b2c3d4e5f-bucket"
    assert wait.prefixes == [f"topics/0a1b2c3d4e5f.{name}/" for name in ("pin", "geo", "user")]
    (outlet,) = dag.get_task("publish").outlets
    assert outlet.name == "0a1b2c3d4e5f_tables"
    assert outlet.extra == {"uri": "s3://user-0a1b2c3d4e5f-bucket/delta/batch"}
    cluster = dag.get_task("run_batch").json["tasks"][0]["new_cluster"]
    assert cluster["spark_env_vars"] == {"USER_ID": "0a1b2c3d4e5f", "AWS_REGION": "us-east-1"}


def gate_parameters(dag: Any, run: Any, **given: Any) -> list[str]:
    """Parameters of the quality gate's job in the request."""
    task = dag.get_task("check_quality")
    rendered = context(task, run, params={name: p.value for name, p in dag.params.items()} | given)
    task = task.prepare_for_execution()
    task.render_template_fields(rendered)
    parameters: list[str] = task.json["tasks"][0]["spark_python_task"]["parameters"]
    return parameters


def test_thresholds_that_are_not_set_are_not_sent(dag: Any) -> None:
    run = scheduled(datetime(2026, 3, 1, tzinfo=UTC))
    until = "2026-03-02T00:00:00+00:00"
    assert gate_parameters(dag, run) == ["--until", until, "--thresholds", "{}"]


def test_thresholds_of_the_form_are_sent_for_the_time_until_the_trigger(dag: Any) -> None:
    run = triggered(datetime(2026, 3, 2, 9, 30, tzinfo=UTC))
    given = {"row_counts": 3, "null_share": {"pin.title": 0.25}, "duplicate_keys": 0}
    _, until, _, thresholds = gate_parameters(dag, run, **given)
    assert until == "2026-03-02T09:30:00+00:00"
    sent = {"row_counts": 3, "null_share.pin.title": 0.25, "duplicate_keys": 0}
    assert json.loads(thresholds) == sent


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("row_counts", -1),
        ("row_counts", 0.5),
        ("quarantine_share", 1.5),
        ("quarantine_share", "much"),
        ("null_share", {"follower_count": 2}),
        ("null_share", 0.5),
        ("duplicate_keys", -1),
        ("duplicate_keys", 0.5),
        ("freshness", 0),
    ],
)
def test_a_threshold_out_of_bounds_is_refused(dag: Any, name: str, value: Any) -> None:
    with pytest.raises((AirflowException, ValueError), match=r"Invalid input|valid"):
        dag.params.get_param(name).resolve(value)


def test_every_threshold_has_a_title_and_a_description(dag: Any) -> None:
    for name in dag.params:
        schema = dag.params.get_param(name).schema
        assert schema["title"]
        assert dag.params.get_param(name).description


def test_the_published_event_names_its_runs(dag: Any) -> None:
    publish = dag.get_task("publish")
    (asset,) = publish.outlets
    events = {asset: SimpleNamespace(extra={})}
    pushed = {
        ("run_batch", "run_id"): 1,
        ("run_batch", "run_page_url"): "http://jobs/1",
        ("check_quality", "run_id"): 2,
        ("check_quality", "run_page_url"): "http://jobs/2",
    }
    ti = SimpleNamespace(xcom_pull=lambda *, task_ids, key: pushed[task_ids, key])
    run = scheduled(datetime(2026, 3, 1, tzinfo=UTC))
    publish.python_callable(ti=ti, dag_run=run, outlet_events=events)
    assert events[asset].extra == {
        "until": "2026-03-02T00:00:00+00:00",
        "runs": {"run_batch": 1, "check_quality": 2},
        "pages": {"run_batch": "http://jobs/1", "check_quality": "http://jobs/2"},
    }
