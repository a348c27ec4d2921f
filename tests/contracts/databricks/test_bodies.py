"""Bodies as clients send them: environments, numbers for texts, API 2.0, fields without effect."""

from typing import Any

import pytest

from tests.support.databricks import JobsApi

FILE = {"python_file": "/say.py"}
TASK = {"task_key": "a", "spark_python_task": FILE}
GIT = {"git_url": "https://git.example/a.git", "git_provider": "gitHub", "git_branch": "main"}
CLUSTER = {"spark_version": "16.4.x-scala2.12", "num_workers": 1}
CRON = {"quartz_cron_expression": "0 0 6 * * ?", "timezone_id": "UTC"}


def post(api: JobsApi, call: str, body: Any, version: str = "2.2") -> Any:
    """The response to a call that succeeds."""
    response = api.call("POST", f"/api/{version}/{call}", body)
    assert response.status == 200, response.body
    return response.json


def get(api: JobsApi, call: str, version: str = "2.2", **fields: Any) -> Any:
    """The response to a call that reads."""
    response = api.call("GET", f"/api/{version}/{call}", None, fields)
    assert response.status == 200, response.body
    return response.json


def submit(**task: Any) -> dict[str, Any]:
    """Body that submits one task."""
    return {"tasks": [TASK | task]}


def environment(**spec: Any) -> dict[str, Any]:
    """Body with an environment and a task that uses it."""
    environments = [{"environment_key": "e", "spec": spec}]
    return submit(environment_key="e") | {"environments": environments}


REFUSED = (
    (
        "Task 'a': environment_key 'other' is not defined in field 'environments'.",
        environment() | submit(environment_key="other"),
    ),
    (
        "Environment 'e' is defined twice in field 'environments'.",
        submit() | {"environments": [{"environment_key": "e"}, {"environment_key": "e"}]},
    ),
    ("Environment 'e': java_dependencies is not", environment(java_dependencies=["a:b:1"])),
    ("is outside the workspace", environment(dependencies=["-r dbfs:/../../secret.txt"])),
    *(
        (
            f"Task 'a': a library of kind {kind} is not supported, only pypi, whl, requirements",
            submit(libraries=[{kind: value}]),
        )
        for kind, value in (
            ("maven", {"coordinates": "a:b:1"}),
            ("jar", "dbfs:/a.jar"),
            ("egg", "dbfs:/a.egg"),
            ("cran", {"package": "ada"}),
        )
    ),
    ("Task 'a': each library must have exactly one of", submit(libraries=[{}])),
    ("git_source is not supported", submit() | {"git_source": GIT}),
    ("source GIT is not", submit(spark_python_task=FILE | {"source": "GIT"})),
    ("Task 'a': disabled is not supported", submit(disabled=True)),
    (
        "Task 'a': init_scripts of a cluster is not supported",
        submit(new_cluster=CLUSTER | {"init_scripts": [{"dbfs": {"destination": "dbfs:/a.sh"}}]}),
    ),
    *(
        (f"Task 'a': {name} is not supported, only", {"tasks": [{"task_key": "a", name: {"x": 1}}]})
        for name in ("for_each_task", "condition_task", "run_job_task", "sql_task", "dbt_task")
    ),
    (
        "Task 'old': spark_jar_task is not supported",
        {"name": "old", "spark_jar_task": {"main_class_name": "A"}},
    ),
)


@pytest.mark.parametrize(("message", "body"), REFUSED, ids=[message for message, _ in REFUSED])
def test_what_would_change_the_result_is_refused_by_name(
    api: JobsApi, message: str, body: Any
) -> None:
    for call in ("jobs/create", "jobs/runs/submit"):
        response = api.call("POST", f"/api/2.1/{call}", body)
        assert (response.status, response.json["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
        assert message in response.json["message"]


def test_a_schedule_and_files_of_the_workspace_are_accepted(api: JobsApi) -> None:
    file = FILE | {"source": "WORKSPACE"}
    body = submit(spark_python_task=file) | {"git_source": GIT, "name": "nightly", "schedule": CRON}
    job_id = post(api, "jobs/create", body)["job_id"]
    assert get(api, "jobs/get", job_id=job_id)["settings"]["schedule"] == body["schedule"]


def test_numbers_and_booleans_in_maps_of_texts_are_texts(api: JobsApi) -> None:
    conf = {"spark.sql.autoBroadcastJoinThreshold": -1, "spark.sql.adaptive.enabled": True}
    cluster = CLUSTER | {"spark_conf": conf, "spark_env_vars": {"N": 1.5}}
    file = FILE | {"parameters": ["{{job.parameters.year}}", "{{job.parameters.full}}", 5]}
    body = {
        "name": "texts",
        "tasks": [TASK | {"spark_python_task": file, "job_cluster_key": "c"}],
        "job_clusters": [{"job_cluster_key": "c", "new_cluster": cluster}],
        "parameters": [{"name": "year", "default": 2024}, {"name": "full", "default": False}],
    }
    job_id = post(api, "jobs/create", body)["job_id"]
    settings = get(api, "jobs/get", job_id=job_id)["settings"]
    assert settings["job_clusters"][0]["new_cluster"]["spark_conf"] == {
        "spark.sql.autoBroadcastJoinThreshold": "-1",
        "spark.sql.adaptive.enabled": "true",
    }
    assert [item["default"] for item in settings["parameters"]] == ["2024", "false"]
    given = {"job_id": job_id, "job_parameters": {"year": 2025, "full": True}}
    run = api.ended(post(api, "jobs/run-now", given)["run_id"])
    assert api.output(run, "a").logs == "2025 true 5\n"


def test_a_map_of_texts_takes_no_list(api: JobsApi) -> None:
    notebook = {"notebook_path": "/n", "base_parameters": {"n": [1]}}
    body = {"tasks": [{"task_key": "a", "notebook_task": notebook}]}
    response = api.call("POST", "/api/2.1/jobs/runs/submit", body)
    assert (response.status, response.json["error_code"]) == (400, "MALFORMED_REQUEST")
    assert "notebook_task.base_parameters: Expected `str`, got `array`" in response.json["message"]


def test_a_job_of_api_2_0_has_its_task_open_in_that_version(api: JobsApi) -> None:
    task = {"spark_python_task": FILE | {"parameters": ["old"]}, "existing_cluster_id": "1-2-x"}
    body = {"name": "an old job", **task, "max_retries": 1, "email_notifications": {}}
    job_id = post(api, "jobs/create", body, "2.0")["job_id"]
    old = get(api, "jobs/get", "2.0", job_id=job_id)["settings"]
    assert old == {**body, "format": "SINGLE_TASK", "max_concurrent_runs": 1, "timeout_seconds": 0}
    (listed,) = get(api, "jobs/list", "2.0", name="an old job")["jobs"]
    assert listed["settings"] == old
    new = get(api, "jobs/get", "2.1", job_id=job_id)["settings"]
    assert new["format"] == "MULTI_TASK"
    assert new["tasks"] == [{"task_key": "an_old_job", **task, "max_retries": 1}]

    change = {"spark_python_task": FILE | {"parameters": ["changed"]}}
    post(api, "jobs/update", {"job_id": job_id, "new_settings": change}, "2.0")
    run_id = post(api, "jobs/run-now", {"job_id": job_id}, "2.0")["run_id"]
    ended = api.ended(run_id)
    assert api.output(ended, "an_old_job").logs == "changed\n"
    run = get(api, "jobs/runs/get", "2.0", run_id=run_id)
    assert (run["format"], run["task"]) == ("SINGLE_TASK", change)
    assert run["cluster_spec"] == {"existing_cluster_id": "1-2-x"}
    assert "tasks" not in run
    assert get(api, "jobs/runs/list", "2.0", job_id=job_id)["runs"][0]["task"] == change
    assert get(api, "jobs/runs/get-output", "2.0", run_id=run_id)["metadata"]["task"] == change
    assert get(api, "jobs/runs/get", "2.1", run_id=run_id)["format"] == "MULTI_TASK"

    tasks = [TASK, TASK | {"task_key": "b"}]
    post(api, "jobs/update", {"job_id": job_id, "new_settings": {"tasks": tasks}}, "2.1")
    settings = get(api, "jobs/get", "2.0", job_id=job_id)["settings"]
    assert settings["format"] == "MULTI_TASK"
    assert [item["task_key"] for item in settings["tasks"]] == ["an_old_job", "a", "b"]


def test_the_page_of_a_run_lists_the_fields_without_effect_once(api: JobsApi) -> None:
    cluster = CLUSTER | {"node_type_id": "m5d.large", "aws_attributes": {"zone_id": "auto"}}
    one = TASK | {"new_cluster": cluster, "email_notifications": {"on_failure": ["a@b.example"]}}
    body = {
        "run_name": "unused",
        "tasks": [one, one | {"task_key": "b"}],
        "webhook_notifications": {},
        "access_control_list": [{"user_name": "ann", "permission_level": "CAN_VIEW"}],
        "environments": [{"environment_key": "e", "spec": {"environment_version": "2"}}],
        "tags": {"team": "pins"},
    }
    run = api.ended(post(api, "jobs/runs/submit", body)["run_id"])
    page = api.call("GET", run.run_page_url.removeprefix(api.url), token=None).body.decode()
    assert (
        "Without effect here: access_control_list, environments.spec.environment_version, tags, "
        "tasks.email_notifications, tasks.new_cluster.aws_attributes, "
        "tasks.new_cluster.node_type_id, tasks.new_cluster.num_workers</p>"
    ) in page
    plain = api.ended(post(api, "jobs/runs/submit", submit())["run_id"])
    page = api.call("GET", plain.run_page_url.removeprefix(api.url), token=None).body.decode()
    assert "Without effect" not in page
