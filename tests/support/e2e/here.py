"""The local stack in the place of an AWS account and a Databricks workspace."""

from typing import Any

from databricks.sdk import WorkspaceClient

from hops import databricks
from tests.conftest import Stack
from tests.support.bundle import GIVEN, Bundle, read

JOBS = ("batch", "stream")


def variables(stack: Stack) -> dict[str, str]:
    """Variables of the stack, as .env.aws has them; its workspace has the bundle's jobs."""
    token = databricks.token(stack.engine)
    workspace = WorkspaceClient(host=stack.settings.databricks_host, token=token, auth_type="pat")
    for job in JOBS:
        settings = deployed(stack.settings.user_id, job)
        if not list(workspace.jobs.list(name=settings["name"])):
            workspace.api_client.do("POST", "/api/2.2/jobs/create", body=settings)
    rest_proxy = {"KAFKA_REST_ENDPOINT": f"http://127.0.0.1:{stack.variables['REST_PROXY_PORT']}"}
    return {**stack.environment, **rest_proxy, "DATABRICKS_TOKEN": token}


def deployed(user_id: str, job: str) -> dict[str, Any]:
    """A job as `databricks bundle deploy` creates it, without the wheel: its modules are local."""
    bundle = Bundle(read(), "prod", GIVEN | {"user_id": user_id})
    settings: dict[str, Any] = dict(bundle.jobs[job])
    settings["tasks"] = [
        {name: value for name, value in task.items() if name != "libraries"}
        | {"spark_python_task": bundle.submitted(job, task["task_key"])["spark_python_task"]}
        for task in settings["tasks"]
    ]
    return settings
