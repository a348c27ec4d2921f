"""Bounds of the service: parameters, ids, logs, and connections with half a request."""

from collections.abc import Callable

import psutil
import pytest

from services.databricks.__main__ import CONNECTIONS
from tests.support.databricks import TOKEN, JobsApi
from tests.support.half_sent import half_sent

REFERENCE = "{{job.parameters.p%d}}"
NESTED = {"p0": "x" * 10} | {f"p{n}": REFERENCE % (n - 1) * 45 for n in range(1, 9)}
"""Parameters of 8 KB that would become 10**14 characters."""


def job(api: JobsApi, *parameters: str) -> int:
    """Create a job whose task has parameters; return its id."""
    file = {"python_file": "/say.py", "parameters": parameters}
    body = {"tasks": [{"task_key": "a", "spark_python_task": file}]}
    return int(api.call("POST", "/api/2.1/jobs/create", body).json["job_id"])


def memory(api: JobsApi) -> int:
    """Resident bytes of the service."""
    assert api.process is not None
    return int(psutil.Process(api.process.pid).memory_info().rss)


def test_parameters_that_name_each_other_are_bounded(api: JobsApi) -> None:
    before = memory(api)
    for parameters in (NESTED, {"p0": "x", **dict(list(NESTED.items())[1:])}):
        body = {"job_id": job(api, REFERENCE % 8), "job_parameters": parameters}
        refused = api.call("POST", "/api/2.1/jobs/run-now", body)
        assert (refused.status, refused.json["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
        assert "have more than the limit of 1048576 characters" in refused.json["message"]
    assert memory(api) - before < 50_000_000


def test_the_parameters_of_a_task_are_bounded(api: JobsApi) -> None:
    job_id = job(api, *[REFERENCE % 0] * 200)
    body = {"job_id": job_id, "job_parameters": {"p0": "x" * 9000}}
    run = api.ended(api.call("POST", "/api/2.1/jobs/run-now", body).json["run_id"])
    assert "{{job.parameters.p0}}: the resolved parameters" in (run.state.state_message or "")
    small = {"job_id": job_id, "job_parameters": {"p0": "x"}}
    run = api.ended(api.call("POST", "/api/2.1/jobs/run-now", small).json["run_id"])
    assert api.output(run, "a").logs == " ".join(["x"] * 200) + "\n"


@pytest.mark.parametrize("digits", [19, 30, 5000])
@pytest.mark.parametrize(
    "path", ["/runs/{}", "/jobs/{}/runs/1", "/runs/{}/log", "/runs/{}/notebook"]
)
def test_an_id_that_cannot_exist_has_no_page(api: JobsApi, path: str, digits: int) -> None:
    assert api.call("GET", path.format("9" * digits), token=None).status == 404


def test_an_unknown_run_has_no_log(api: JobsApi) -> None:
    assert api.call("GET", "/runs/999999/log", token=None).status == 404


@pytest.mark.slow
def test_half_sent_bodies_occupy_the_service_for_a_limited_time(
    start_api: Callable[..., JobsApi],
) -> None:
    api = start_api()
    head = "POST /api/2.1/jobs/create HTTP/1.1"
    login = f"{head}\r\nAuthorization: Bearer {TOKEN}"
    with half_sent(api, [head, login] * (CONNECTIONS // 2)):
        assert api.stop() == 0
