"""Requests of every kind to the Jobs API: each is answered as documented, and nothing breaks.

The service runs; what it starts for a task or a cluster ends at once, so that thousands of runs are
possible.
"""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st

from services.databricks.api.errors import Code
from tests.support.databricks import TOKEN, JobsApi
from tests.support.fuzz import ANY, Call, Fuzz
from tests.support.rest_proxy import Response

WITH_TOKEN = {"Authorization": f"Bearer {TOKEN}"}
PAGES = ("GET /", "GET /health")

ids = st.integers(1, 40)
clusters = st.sampled_from(["local", "1108-162752-8okw8dgg", "another"])
texts = st.text(max_size=8)
named = st.dictionaries(st.sampled_from(["a", "b", "country"]), texts, max_size=2)
kinds = st.sampled_from(
    [
        {"spark_python_task": {"python_file": "/Workspace/say.py", "parameters": ["x"]}},
        {"notebook_task": {"notebook_path": "/none", "base_parameters": {"a": "1"}}},
        {"python_wheel_task": {"package_name": "p", "entry_point": "e"}},
    ]
)
options = st.fixed_dictionaries(
    {},
    optional={
        "max_retries": st.integers(0, 1),
        "min_retry_interval_millis": st.just(0),
        "timeout_seconds": st.integers(0, 5),
        "existing_cluster_id": clusters,
        "run_if": st.sampled_from(["ALL_SUCCESS", "ALL_DONE", "NONE_FAILED"]),
        "description": texts,
    },
)


@st.composite
def tasks(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Tasks of a job, each of which may depend on the one before."""
    found: list[dict[str, Any]] = []
    for key in draw(st.sampled_from(["a", "ab", "abc"])):
        after = [{"task_key": found[-1]["task_key"]}] if found and draw(st.booleans()) else []
        found.append({"task_key": key, "depends_on": after} | draw(kinds) | draw(options))
    return found


settings = st.fixed_dictionaries(
    {"tasks": tasks()},
    optional={
        "name": texts,
        "timeout_seconds": st.integers(0, 5),
        "max_concurrent_runs": st.integers(1, 3),
        "parameters": st.just([{"name": "country", "default": "Albania"}]),
        "tags": named,
        "queue": st.fixed_dictionaries({"enabled": st.booleans()}),
    },
)
pages = st.fixed_dictionaries({"limit": st.integers(1, 25)}, optional={"offset": st.integers(0, 9)})
job, run = (st.fixed_dictionaries({name: ids}) for name in ("job_id", "run_id"))
cluster = st.fixed_dictionaries({"cluster_id": clusters})
level = st.sampled_from(["CAN_VIEW", "CAN_MANAGE_RUN", "CAN_MANAGE"])
access = st.fixed_dictionaries(
    {
        "access_control_list": st.lists(
            st.fixed_dictionaries({"user_name": texts, "permission_level": level})
        )
    }
)
created = st.fixed_dictionaries(
    {"spark_version": st.sampled_from(["15.4.x-scala2.12", "17.3.x-scala2.13"])},
    optional={"cluster_name": texts, "spark_conf": named, "num_workers": st.integers(0, 2)},
)
CALLS: Mapping[str, st.SearchStrategy[Any] | None] = {
    "POST jobs/create": settings,
    "GET jobs/get": job,
    "GET jobs/list": pages,
    "POST jobs/update": st.fixed_dictionaries({"job_id": ids, "new_settings": settings}),
    "POST jobs/reset": st.fixed_dictionaries({"job_id": ids, "new_settings": settings}),
    "POST jobs/delete": job,
    "POST jobs/run-now": st.fixed_dictionaries({"job_id": ids}, optional={"job_parameters": named}),
    "POST jobs/runs/submit": settings,
    "GET jobs/runs/get": run,
    "GET jobs/runs/get-output": run,
    "GET jobs/runs/list": pages,
    "POST jobs/runs/cancel": run,
    "POST jobs/runs/cancel-all": st.one_of(job, st.just({"all_queued_runs": True})),
    "POST jobs/runs/delete": run,
    "POST jobs/runs/repair": st.fixed_dictionaries(
        {"run_id": ids}, optional={"rerun_all_failed_tasks": st.just(True)}
    ),
    "GET permissions/jobs": None,
    "PUT permissions/jobs": access,
    "PATCH permissions/jobs": access,
    "GET permissions/jobs/permissionLevels": None,
    "GET clusters/list": None,
    "GET clusters/get": cluster,
    "POST clusters/create": created,
    "POST clusters/start": cluster,
    "POST clusters/restart": cluster,
    "POST clusters/delete": cluster,
    "POST clusters/permanent-delete": cluster,
    "GET clusters/spark-versions": None,
    "GET clusters/list-node-types": None,
    "GET preview/scim/v2/Me": None,
}
"""The fields of valid calls."""
NEVER_WRONG = (
    "jobs/list",
    "runs/list",
    "cancel-all",
    "clusters/list",
    "spark-versions",
    "node-types",
    "Me",
)
"""Ends of the calls that no valid request can make fail."""


@st.composite
def calls(draw: st.DrawFn) -> Call:
    """A valid call of the API, or of a page."""
    name = draw(st.sampled_from([*CALLS, *PAGES]))
    method, path = name.split(" ")
    if name in PAGES:
        return Call(name, method, (path.strip("/"),))
    form = CALLS[name]
    fields = None if form is None else draw(form)
    if path.startswith("permissions/jobs"):
        path = path.replace("jobs", f"jobs/{draw(ids)}", 1)
    version = draw(st.sampled_from(["2.0", "2.1", "2.2"]))
    segments = ("api", version, *path.split("/"))
    if method == "GET":
        return Call(name, method, segments, None, fields or {}, WITH_TOKEN)
    return Call(name, method, segments, fields, {}, WITH_TOKEN)


def statuses() -> dict[str, set[int]]:
    """The statuses of each call; ``ANY``: of all."""
    found = {ANY: {400, 401, 403, 404}}
    for name in CALLS:
        found[name] = {200} if name.endswith(NEVER_WRONG) else {200, 400}
        if "permissions" in name:
            found[name] = {200, 404}
    # No cluster starts, and the ids of new ones are not known here.
    for name in ("restart", "permanent-delete"):
        found[f"POST clusters/{name}"] = {400}
    return found | {name: {200} for name in PAGES}


def code(response: Response) -> str:
    """The error code of a response; of a page, its status."""
    if response.media != "application/json":
        return str(response.status)
    return str(response.json["error_code"])


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_every_answer_is_documented(tmp_path: Path, pytestconfig: pytest.Config) -> None:
    nothing = shutil.which("false")
    assert nothing
    with JobsApi(tmp_path, DATABRICKS_COMMAND=nothing, DATABRICKS_SLOTS="2") as api:
        fuzz = Fuzz(api, api.port, calls(), statuses(), code, set(), frozenset({429}))
        fuzz.run(pytestconfig.getoption("--fuzz"))
        others = {Code.MAX_REQUEST_SIZE_EXCEEDED, Code.INTERNAL_ERROR, Code.REQUEST_LIMIT_EXCEEDED}
        fuzz.check({code.value for code in Code} - {code.value for code in others})
