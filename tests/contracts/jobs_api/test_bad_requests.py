"""Requests that can't be taken, each with Databricks' status and error_code, in one table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from tests.contracts.jobs_api.running import TOKEN, JobsApi

INVALID = "INVALID_PARAMETER_VALUE"
FILE = {"python_file": "/say.py"}
TASK = {"task_key": "a", "spark_python_task": FILE}


def submit(*tasks: Any, **more: Any) -> dict[str, Any]:
    """Body of ``jobs/runs/submit``."""
    return {"tasks": list(tasks), **more}


def of(kind: str, **fields: Any) -> dict[str, Any]:
    """A task of a type."""
    return {"task_key": "a", kind: fields}


@dataclass(frozen=True)
class Case:
    """A request and its answer; ``message`` is a part of the body's."""

    title: str
    path: str
    body: Any
    status: int
    code: str | int
    message: str
    method: str = "POST"
    token: str | None = TOKEN


SUBMIT = "jobs/runs/submit"
CASES = (
    Case("no token", SUBMIT, submit(TASK), 401, 401, "Credential was not sent", token=None),
    Case("wrong token", SUBMIT, submit(TASK), 403, 403, "Invalid access token", token="other"),
    Case(
        "no call", "jobs/none", {}, 404, "ENDPOINT_NOT_FOUND", "No API found for 'POST /jobs/none'"
    ),
    Case("wrong method", "jobs/create", None, 404, "ENDPOINT_NOT_FOUND", "No API", "GET"),
    Case("no JSON", SUBMIT, b'{"tasks": [', 400, "MALFORMED_REQUEST", "failed to parse"),
    Case("not UTF-8", SUBMIT, b'{"run_name": "\xff"}', 400, "MALFORMED_REQUEST", "failed to parse"),
    Case("no map", SUBMIT, b"[1]", 400, "MALFORMED_REQUEST", "expected a map"),
    Case("deep", SUBMIT, b"[" * 200_000, 400, "MALFORMED_REQUEST", "failed to parse"),
    Case("wrong type", SUBMIT, {"tasks": 5}, 400, "MALFORMED_REQUEST", "tasks: Expected `array`"),
    Case("unknown job", "jobs/run-now", {"job_id": 99}, 400, INVALID, "Job 99 does not exist."),
    Case("no job", "jobs/run-now", {}, 400, INVALID, "Missing required field: job_id"),
    Case("unknown job to get", "jobs/get", {"job_id": 99}, 400, INVALID, "Job 99 does not", "GET"),
    Case("unknown run", "jobs/runs/get", {"run_id": 99}, 400, INVALID, "Run 99 does not", "GET"),
    Case(
        "a run that is text",
        "jobs/runs/get",
        {"run_id": "x"},
        400,
        "MALFORMED_REQUEST",
        "run_id",
        "GET",
    ),
    Case("unknown run to cancel", "jobs/runs/cancel", {"run_id": 99}, 400, INVALID, "Run 99 does"),
    Case("no tasks", SUBMIT, submit(), 400, INVALID, "at least one task"),
    Case("no key", SUBMIT, submit({"spark_python_task": FILE}), 400, INVALID, "tasks.task_key"),
    Case("bad key", SUBMIT, submit({**TASK, "task_key": "a b"}), 400, INVALID, "Invalid task key"),
    Case("two of one key", SUBMIT, submit(TASK, TASK), 400, INVALID, "must be unique"),
    Case("no type", SUBMIT, submit({"task_key": "a"}), 400, INVALID, "exactly one of"),
    Case("unknown type", SUBMIT, submit(of("cobol_task", x=1)), 400, INVALID, "cobol_task is not"),
    Case(
        "two types",
        SUBMIT,
        submit({**TASK, "notebook_task": {"notebook_path": "/n"}}),
        *(400, INVALID, "exactly one of"),
    ),
    Case(
        "no file",
        SUBMIT,
        submit(of("spark_python_task")),
        400,
        INVALID,
        "spark_python_task.python_file",
    ),
    Case(
        "itself",
        SUBMIT,
        submit({**TASK, "depends_on": [{"task_key": "a"}]}),
        *(400, INVALID, "Invalid dependency graph, task 'a' can not reference itself."),
    ),
    Case(
        "a cycle",
        SUBMIT,
        submit(
            {**TASK, "depends_on": [{"task_key": "b"}]},
            {**TASK, "task_key": "b", "depends_on": [{"task_key": "a"}]},
        ),
        *(400, INVALID, "the tasks form a cycle"),
    ),
    Case(
        "after nothing",
        SUBMIT,
        submit({**TASK, "depends_on": [{"task_key": "z"}]}),
        *(400, INVALID, "task 'z' does not exist"),
    ),
    Case(
        "no runtime",
        SUBMIT,
        submit({**TASK, "new_cluster": {"spark_version": "auto:latest-lts"}}),
        *(400, INVALID, "Invalid spark version auto:latest-lts."),
    ),
    Case(
        "no runtime of a job's cluster",
        "jobs/create",
        {
            "tasks": [{**TASK, "job_cluster_key": "c"}],
            "job_clusters": [{"job_cluster_key": "c", "new_cluster": {"spark_version": "16"}}],
        },
        *(400, INVALID, "Invalid spark version 16."),
    ),
    Case("run_if", SUBMIT, submit({**TASK, "run_if": "MAYBE"}), 400, "MALFORMED_REQUEST", "run_if"),
    Case(
        "outside the workspace",
        SUBMIT,
        submit(of("spark_python_task", python_file="/Workspace/link/../../../etc/passwd")),
        *(200, "", ""),  # `..` at the root is the root, as in any path
    ),
    Case(
        "outside by a link",
        SUBMIT,
        submit(of("spark_python_task", python_file="/Workspace/link/passwd")),
        *(400, INVALID, "is outside the workspace"),
    ),
    Case(
        "outside of DBFS",
        SUBMIT,
        submit(of("spark_python_task", python_file="dbfs:/../../x.py")),
        *(400, INVALID, "is outside the workspace"),
    ),
    Case(
        "not absolute",
        SUBMIT,
        submit(of("spark_python_task", python_file="say.py")),
        *(400, INVALID, "Invalid python file reference: say.py"),
    ),
    Case(
        "a notebook not absolute",
        SUBMIT,
        submit(of("notebook_task", notebook_path="n")),
        *(400, INVALID, "Only absolute paths are currently supported"),
    ),
    Case(
        "10 MB of parameters",
        SUBMIT,
        submit(of("spark_python_task", python_file="/say.py", parameters=["x" * 10_000_000])),
        *(400, INVALID, "more than the limit of 1048576 bytes"),
    ),
    Case(
        "10 MB of parameters of a run",
        "jobs/run-now",
        {"job_id": 1, "python_params": ["x" * 10_000_000]},
        *(400, INVALID, "more than the limit of 10000 bytes"),
    ),
    Case("20 MB", SUBMIT, b" " * 20_000_000, 413, "MAX_REQUEST_SIZE_EXCEEDED", "more than"),
    Case(
        "two kinds of parameters",
        "jobs/run-now",
        {"job_id": 1, "python_params": ["x"], "job_parameters": {"a": "b"}},
        *(400, INVALID, "can't be combined"),
    ),
    Case(
        "unknown reference",
        SUBMIT,
        submit(of("spark_python_task", python_file="/say.py", parameters=["{{job.naem}}"])),
        *(400, INVALID, "Unknown dynamic value reference {{job.naem}}"),
    ),
    Case(
        "unknown job cluster",
        SUBMIT,
        submit({**TASK, "job_cluster_key": "big"}),
        *(400, INVALID, "Job cluster 'big' is not defined in field 'job_clusters'."),
    ),
    Case(
        "a library that is text",
        SUBMIT,
        submit({**TASK, "libraries": ["boto3"]}),
        *(400, "MALFORMED_REQUEST", "tasks.libraries: Expected `object`"),
    ),
    Case(
        "a package that is text",
        SUBMIT,
        submit({**TASK, "libraries": [{"pypi": "boto3"}]}),
        *(400, "MALFORMED_REQUEST", "tasks.libraries.pypi: Expected `object"),
    ),
    Case(
        "a job cluster that is a number",
        SUBMIT,
        submit(TASK, job_clusters=[5]),
        *(400, "MALFORMED_REQUEST", "job_clusters: Expected `object`"),
    ),
    Case(
        "a zero byte in a path",
        SUBMIT,
        submit(of("spark_python_task", python_file="/say.py\0")),
        *(400, INVALID, "is outside the workspace"),
    ),
    Case(
        "links in a circle",
        SUBMIT,
        submit(of("notebook_task", notebook_path="/circle/n")),
        *(400, INVALID, "is outside the workspace"),
    ),
    Case("a time-out below 0", SUBMIT, submit(TASK, timeout_seconds=-5), 400, INVALID, "timeout_s"),
    Case(
        "a queue that is text",
        *("jobs/create", submit(TASK, queue="x"), 400, "MALFORMED_REQUEST", "queue: Expected"),
    ),
    Case(
        "a name that is a number",
        *("jobs/create", submit(TASK, name=5), 400, "MALFORMED_REQUEST", "name: Expected `str`"),
    ),
    Case(
        "a run with a number of 30 digits",
        *("jobs/runs/get", {"run_id": 10**30}, 400, INVALID, "run_id", "GET"),
    ),
    Case(
        "permissions of no job",
        *("permissions/jobs/99", None, 404, "RESOURCE_DOES_NOT_EXIST", "Job 99 does not", "GET"),
    ),
    Case(
        "an unknown level",
        "permissions/jobs/1",
        {"access_control_list": [{"user_name": "ann", "permission_level": "ALL"}]},
        *(400, "MALFORMED_REQUEST", "access_control_list.permission_level: Invalid", "PATCH"),
    ),
    Case("long page", "jobs/list", {"page_token": "9" * 30}, 400, INVALID, "Invalid page", "GET"),
    Case("long token", SUBMIT, submit(TASK, idempotency_token="x" * 65), 400, INVALID, "64"),
    Case("limit", "jobs/list", {"limit": 101}, 400, INVALID, "limit", "GET"),
    Case("page", "jobs/list", {"page_token": "x"}, 400, INVALID, "Invalid page token", "GET"),
    Case("unknown cluster", "clusters/get", {"cluster_id": "x"}, 400, INVALID, "Cluster x", "GET"),
)


@pytest.fixture(scope="module", autouse=True)
def _link(api: JobsApi) -> None:
    (api.workspace / "link").symlink_to("/etc")
    (api.workspace / "circle").symlink_to("circle")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.title)
def test_a_bad_request_gets_databricks_answer(api: JobsApi, case: Case) -> None:
    query = case.body if case.method == "GET" else None
    body = None if case.method == "GET" else case.body
    answer = api.call(case.method, f"/api/2.1/{case.path}", body, query, case.token)
    assert answer.status == case.status
    if case.code:
        assert answer.media == "application/json"
        assert answer.json["error_code"] == case.code
        assert case.message in answer.json["message"]
        assert set(answer.json) == {"error_code", "message"}


def test_a_bad_change_of_a_job_is_refused_and_a_name_comes_back(api: JobsApi) -> None:
    job_id = api.call("POST", "/api/2.1/jobs/create", {"name": "n", "tasks": [TASK]}).json["job_id"]
    for tasks in ("x", [5], [{**TASK, "libraries": "x"}]):
        change = {"job_id": job_id, "new_settings": {"tasks": tasks}}
        answer = api.call("POST", "/api/2.1/jobs/update", change)
        assert (answer.status, answer.json["error_code"]) == (400, "MALFORMED_REQUEST"), answer
    change = {"job_id": job_id, "fields_to_remove": ["name"]}
    assert api.call("POST", "/api/2.1/jobs/update", change).status == 200
    settings = api.call("GET", "/api/2.1/jobs/get", None, {"job_id": job_id}).json["settings"]
    assert (settings["name"], settings["tasks"]) == ("Untitled", [TASK])


def test_a_field_that_is_null_is_as_good_as_none(api: JobsApi) -> None:
    file = {**FILE, "parameters": None}
    task = {**TASK, "spark_python_task": file, "depends_on": None, "timeout_seconds": None}
    body = submit(task, run_name=None, idempotency_token=None, job_clusters=None)
    run = api.ended(api.call("POST", "/api/2.1/jobs/runs/submit", body).json["run_id"])
    assert run.state.result_state.value == "SUCCESS"


def test_a_get_takes_its_fields_from_query_or_body(api: JobsApi) -> None:
    """Airflow's hook sends them in the query, its asynchronous one in a body."""
    run_id = api.call("POST", "/api/2.2/jobs/runs/submit", submit(TASK)).json["run_id"]
    path = "/api/2.2/jobs/runs/get"
    in_query = api.call("GET", path, None, {"run_id": run_id})
    in_body = api.call("GET", path, {"run_id": run_id})
    assert in_query.json["run_id"] == in_body.json["run_id"] == run_id
    api.ended(run_id)


def test_numbers_may_be_texts(api: JobsApi) -> None:
    """Airflow sends every number as a text."""
    task = {**TASK, "timeout_seconds": "600", "max_retries": "1"}
    answer = api.call("POST", "/api/2.2/jobs/create", {"name": "t", "tasks": [task]})
    job = api.call("GET", "/api/2.2/jobs/get", None, {"job_id": str(answer.json["job_id"])}).json
    assert job["settings"]["tasks"][0] == {**TASK, "timeout_seconds": 600, "max_retries": 1}


def test_a_task_may_stand_at_the_top_of_a_submit(api: JobsApi) -> None:
    """The older form, which DatabricksSubmitRunOperator still sends."""
    body = {"run_name": "old form", "spark_python_task": FILE, "timeout_seconds": "60"}
    run = api.ended(api.call("POST", "/api/2.2/jobs/runs/submit", body).json["run_id"])
    assert run.state.result_state.value == "SUCCESS"
    assert [task.task_key for task in run.tasks] == ["old_form"]
    assert api.jobs.get_run_output(run.run_id).logs == "\n"
