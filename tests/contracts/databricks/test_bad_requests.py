"""Invalid requests, each with Databricks' status and error_code, in one table."""

from dataclasses import KW_ONLY, dataclass
from typing import Any

import pytest

from tests.support.databricks import TOKEN, JobsApi

FILE = {"python_file": "/say.py"}
TASK = {"task_key": "a", "spark_python_task": FILE}
MALFORMED = "MALFORMED_REQUEST"
GET_RUN = "jobs/runs/get"
CLUSTER = {"spark_version": "16.4.x-scala2.12"}
OUTSIDE = "is outside the workspace"
MEGABYTES = "x" * 10_000_000


def submit(*tasks: Any, **more: Any) -> dict[str, Any]:
    """Body of ``jobs/runs/submit``."""
    return {"tasks": list(tasks), **more}


def task(**fields: Any) -> dict[str, Any]:
    """Body that submits the task with added or replaced fields."""
    return submit(TASK | fields)


def typed(kind: str, **fields: Any) -> dict[str, Any]:
    """Body that submits a task of a type."""
    return submit({"task_key": "a", kind: fields})


def file(path: str, *parameters: str) -> dict[str, Any]:
    """Body that submits a Python file."""
    return typed("spark_python_task", python_file=path, parameters=list(parameters))


@dataclass(frozen=True)
class Case:
    """A request and its response; ``message`` is a part of the message in the body."""

    title: str
    message: str
    body: Any
    path: str = "jobs/runs/submit"
    _: KW_ONLY
    status: int = 400
    code: str | int = "INVALID_PARAMETER_VALUE"
    method: str = "POST"
    token: str | None = TOKEN


def get(title: str, message: str, path: str, **fields: Any) -> Case:
    """A request whose fields are in its query."""
    return Case(title, message, fields, path, method="GET")


def malformed(title: str, message: str, body: Any, path: str = "jobs/runs/submit") -> Case:
    """A request whose body cannot be read."""
    return Case(title, message, body, path, code=MALFORMED)


CASES = (
    Case("no token", "Credential was not sent", submit(TASK), status=401, code=401, token=None),
    Case("wrong token", "Invalid access token", submit(TASK), status=403, code=403, token="other"),
    *(
        Case(title, message, None, path, status=404, code="ENDPOINT_NOT_FOUND", method=method)
        for title, message, path, method in (
            ("unknown call", "No API found for 'POST /jobs/none'", "jobs/none", "POST"),
            ("wrong method", "No API", "jobs/create", "GET"),
        )
    ),
    malformed("no JSON", "failed to parse", b'{"tasks": ['),
    malformed("not UTF-8", "failed to parse", b'{"run_name": "\xff"}'),
    malformed("no map", "expected a map", b"[1]"),
    malformed("deep", "failed to parse", b"[" * 200_000),
    malformed("wrong type", "tasks: Expected `array`", {"tasks": 5}),
    Case("unknown job", "Job 99 does not exist.", {"job_id": 99}, "jobs/run-now"),
    Case("no job", "Missing required field: job_id", {}, "jobs/run-now"),
    get("unknown job to get", "Job 99 does not", "jobs/get", job_id=99),
    get("unknown run", "Run 99 does not", GET_RUN, run_id=99),
    Case("a run that is text", "run_id", {"run_id": "x"}, GET_RUN, code=MALFORMED, method="GET"),
    get("a run with a number of 30 digits", "run_id", GET_RUN, run_id=10**30),
    Case("unknown run to cancel", "Run 99 does", {"run_id": 99}, "jobs/runs/cancel"),
    Case("no tasks", "at least one task", submit()),
    Case("no key", "tasks.task_key", submit({"spark_python_task": FILE})),
    Case("bad key", "Invalid task key", task(task_key="a b")),
    Case("a key twice", "must be unique", submit(TASK, TASK)),
    Case("no type", "exactly one of", submit({"task_key": "a"})),
    Case("unknown type", "cobol_task is not", typed("cobol_task", x=1)),
    Case("two types", "exactly one of", task(notebook_task={"notebook_path": "/n"})),
    Case("no file", "spark_python_task.python_file", typed("spark_python_task")),
    Case(
        "a dependency on itself",
        "Invalid dependency graph, task 'a' can not reference itself.",
        task(depends_on=[{"task_key": "a"}]),
    ),
    Case(
        "a cycle",
        "the tasks form a cycle",
        submit(
            TASK | {"depends_on": [{"task_key": "b"}]},
            TASK | {"task_key": "b", "depends_on": [{"task_key": "a"}]},
        ),
    ),
    Case("an unknown dependency", "task 'z' does not exist", task(depends_on=[{"task_key": "z"}])),
    Case(
        "no runtime",
        "Invalid spark version auto:latest-lts.",
        task(new_cluster={"spark_version": "auto:latest-lts"}),
    ),
    Case(
        "no runtime of a job's cluster",
        "Invalid spark version 16.",
        task(job_cluster_key="c")
        | {"job_clusters": [{"job_cluster_key": "c", "new_cluster": {"spark_version": "16"}}]},
        "jobs/create",
    ),
    Case(
        "two clusters",
        "only one of existing_cluster_id and new_cluster may be given",
        task(existing_cluster_id="local", new_cluster=CLUSTER),
    ),
    malformed("run_if", "run_if", task(run_if="MAYBE")),
    Case("outside by a link", OUTSIDE, file("/Workspace/link/passwd")),
    Case("outside of DBFS", OUTSIDE, file("dbfs:/../../x.py")),
    Case("not absolute", "Invalid python file reference: say.py", file("say.py")),
    Case(
        "a notebook not absolute",
        "Only absolute paths are currently supported",
        typed("notebook_task", notebook_path="n"),
    ),
    Case("10 MB of parameters", "more than the limit of 1048576 bytes", file("/say.py", MEGABYTES)),
    Case(
        "10 MB of parameters of a run",
        "more than the limit of 10000 bytes",
        {"job_id": 1, "python_params": [MEGABYTES]},
        "jobs/run-now",
    ),
    Case("20 MB", "more than", b" " * 20_000_000, status=413, code="MAX_REQUEST_SIZE_EXCEEDED"),
    Case(
        "two kinds of parameters",
        "can't be combined",
        {"job_id": 1, "python_params": ["x"], "job_parameters": {"a": "b"}},
        "jobs/run-now",
    ),
    Case(
        "unknown reference",
        "Unknown dynamic value reference {{job.naem}}",
        file("/say.py", "{{job.naem}}"),
    ),
    Case(
        "unknown job cluster",
        "Job cluster 'big' is not defined in field 'job_clusters'.",
        task(job_cluster_key="big"),
    ),
    malformed("text as a library", "tasks.libraries: Expected `object`", task(libraries=["boto3"])),
    malformed(
        "a package that is text",
        "tasks.libraries.pypi: Expected `object",
        task(libraries=[{"pypi": "boto3"}]),
    ),
    malformed(
        "a job cluster that is a number",
        "job_clusters: Expected `object`",
        submit(TASK, job_clusters=[5]),
    ),
    Case("a zero byte in a path", OUTSIDE, file("/say.py\0")),
    Case("links in a circle", OUTSIDE, typed("notebook_task", notebook_path="/circle/n")),
    Case("a time-out below 0", "timeout_s", submit(TASK, timeout_seconds=-5)),
    malformed("a queue that is text", "queue: Expected", submit(TASK, queue="x"), "jobs/create"),
    malformed("a number as a name", "name: Expected `str`", submit(TASK, name=5), "jobs/create"),
    Case(
        "permissions of no job",
        "Job 99 does not",
        None,
        "permissions/jobs/99",
        status=404,
        code="RESOURCE_DOES_NOT_EXIST",
        method="GET",
    ),
    Case(
        "an unknown level",
        "access_control_list.permission_level: Invalid",
        {"access_control_list": [{"user_name": "ann", "permission_level": "ALL"}]},
        "permissions/jobs/1",
        code=MALFORMED,
        method="PATCH",
    ),
    *(
        Case(
            f"{field} {name!r} {value!r}",
            message,
            task(new_cluster=CLUSTER | {field: {name: value}}),
        )
        for field, name, value, message in (
            ("spark_env_vars", "A\0", "1", "spark_env_vars has the invalid name 'A\\x00'"),
            ("spark_env_vars", "A=B", "1", "spark_env_vars has the invalid name 'A=B'"),
            ("spark_env_vars", "", "1", "spark_env_vars has the invalid name ''"),
            ("spark_env_vars", "A", "1\0", "the value of 'A' in spark_env_vars has a zero byte"),
            ("spark_env_vars", "RUN_DIR", "/x", "RUN_DIR in spark_env_vars belongs to the service"),
            ("spark_conf", "a=b", "1", "spark_conf has the invalid name 'a=b'"),
            ("spark_conf", "a b", "1", "spark_conf has the invalid name 'a b'"),
            ("spark_conf", "a", "1\0", "the value of 'a' in spark_conf has a zero byte"),
        )
    ),
    Case(
        "a variable of a cluster",
        "Cluster 'c': spark_env_vars has the invalid name 'A=B'",
        CLUSTER | {"cluster_name": "c", "spark_env_vars": {"A=B": "1"}},
        "clusters/create",
    ),
    *(
        Case(path, "is no s3://<bucket>/<key>", file(path))
        for path in ("s3://", "s3://b", "s3a://b/", "s3:///x.py", "s3://b/x/..", "s3n://b/../y.py")
    ),
    *(
        Case(f"max_retries {number}", "max_retries", task(max_retries=number))
        for number in (-2, 2**31, 10**30)
    ),
    *(
        malformed(f"number {text!r}", f"tasks.timeout_seconds: Expected `int`, got {text!r}", body)
        for text in ("1e3", "1.0", "1_0", " 1", "\u0661", "nan")
        for body in [task(timeout_seconds=text)]
    ),
    *(
        Case(
            f"run_id {text}",
            "run_id: Expected `int`",
            {"run_id": text},
            GET_RUN,
            code=MALFORMED,
            method="GET",
        )
        for text in ("1e3", "1.0", "\u0661")
    ),
    get("page of other digits", "Invalid page token: \u0661", "jobs/list", page_token="\u0661"),
    get("long page", "Invalid page", "jobs/list", page_token="9" * 30),
    Case("long token", "64", submit(TASK, idempotency_token="x" * 65)),
    get("limit", "limit", "jobs/list", limit=101),
    get("page", "Invalid page token", "jobs/list", page_token="x"),
    get("unknown cluster", "Cluster x", "clusters/get", cluster_id="x"),
)


@pytest.fixture(scope="module", autouse=True)
def _link(api: JobsApi) -> None:
    (api.workspace / "link").symlink_to("/etc")
    (api.workspace / "circle").symlink_to("circle")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.title)
def test_a_bad_request_gets_the_error_of_databricks(api: JobsApi, case: Case) -> None:
    query = case.body if case.method == "GET" else None
    body = None if case.method == "GET" else case.body
    response = api.call(case.method, f"/api/2.1/{case.path}", body, query, case.token)
    assert (response.status, response.media) == (case.status, "application/json")
    assert response.json["error_code"] == case.code
    assert case.message in response.json["message"]
    assert set(response.json) == {"error_code", "message"}


def test_the_parent_of_the_workspaces_root_is_the_root(api: JobsApi) -> None:
    body = file("/Workspace/link/../../../etc/passwd")
    assert api.call("POST", "/api/2.1/jobs/runs/submit", body).status == 200


def test_a_bad_update_of_a_job_is_refused_and_a_removed_name_becomes_untitled(api: JobsApi) -> None:
    job_id = api.call("POST", "/api/2.1/jobs/create", {"name": "n", "tasks": [TASK]}).json["job_id"]
    for tasks in ("x", [5], [{**TASK, "libraries": "x"}]):
        change = {"job_id": job_id, "new_settings": {"tasks": tasks}}
        refused = api.call("POST", "/api/2.1/jobs/update", change)
        assert (refused.status, refused.json["error_code"]) == (400, "MALFORMED_REQUEST"), refused
    change = {"job_id": job_id, "fields_to_remove": ["name"]}
    assert api.call("POST", "/api/2.1/jobs/update", change).status == 200
    settings = api.call("GET", "/api/2.1/jobs/get", None, {"job_id": job_id}).json["settings"]
    assert (settings["name"], settings["tasks"]) == ("Untitled", [TASK])


@pytest.mark.parametrize("value", [[1], {"a": 1}, 1], ids=str)
@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("tasks", "task_key"),
        ("job_clusters", "job_cluster_key"),
        ("environments", "environment_key"),
        ("parameters", "name"),
    ],
)
def test_a_key_of_an_update_is_a_text(api: JobsApi, name: str, key: str, value: Any) -> None:
    job_id = api.call("POST", "/api/2.1/jobs/create", {"tasks": [TASK]}).json["job_id"]
    change = {"job_id": job_id, "new_settings": {name: [{key: value}]}}
    refused = api.call("POST", "/api/2.1/jobs/update", change)
    assert (refused.status, refused.json["error_code"]) == (400, MALFORMED)
    assert f"new_settings.{name}.{key}: Expected `str`" in refused.json["message"]


def test_a_null_field_counts_as_absent(api: JobsApi) -> None:
    file = {**FILE, "parameters": None}
    task = {**TASK, "spark_python_task": file, "depends_on": None, "timeout_seconds": None}
    body = submit(task, run_name=None, idempotency_token=None, job_clusters=None)
    run = api.ended(api.call("POST", "/api/2.1/jobs/runs/submit", body).json["run_id"])
    assert run.state.result_state.value == "SUCCESS"


def test_a_get_reads_its_fields_from_query_or_body(api: JobsApi) -> None:
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
    response = api.call("POST", "/api/2.2/jobs/create", {"name": "t", "tasks": [task]})
    job = api.call("GET", "/api/2.2/jobs/get", None, {"job_id": str(response.json["job_id"])}).json
    assert job["settings"]["tasks"][0] == {**TASK, "timeout_seconds": 600, "max_retries": 1}


def test_a_submit_request_may_contain_its_task_at_the_top_level(api: JobsApi) -> None:
    """The older form, which DatabricksSubmitRunOperator still sends."""
    body = {"run_name": "old form", "spark_python_task": FILE, "timeout_seconds": "60"}
    run = api.ended(api.call("POST", "/api/2.2/jobs/runs/submit", body).json["run_id"])
    assert run.state.result_state.value == "SUCCESS"
    assert [task.task_key for task in run.tasks] == ["old_form"]
    assert api.jobs.get_run_output(run.run_id).logs == "\n"
