"""An Airflow that has only the project's airflow/ folder, against real services."""

import atexit
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
HOME = tempfile.mkdtemp(prefix="airflow-")
atexit.register(shutil.rmtree, HOME, ignore_errors=True)

# Before the first import of Airflow: the tests must not depend on settings of the shell, and
# `python -m pytest` has put the root of the project on the path.
for _name in list(os.environ):
    if _name.startswith(("AIRFLOW", "AWS_")) or _name.lower().endswith("_proxy"):
        del os.environ[_name]
os.environ |= {
    "AIRFLOW_HOME": HOME,
    "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "airflow/dags"),
    "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "airflow/plugins"),
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
}
sys.path[:] = [name for name in sys.path if Path(name or ".").resolve() != ROOT]
# Only tests/support of the project can be imported.
sys.modules["tests"] = ModuleType("tests")
sys.modules["tests"].__path__ = [str(ROOT / "tests")]

import parsing  # noqa: E402
import pytest  # noqa: E402
from running import JobsApi, LocalStack, aws_at  # noqa: E402

PARSED = {
    file.stem: parsing.in_a_fork(file) for file in sorted((ROOT / "airflow/dags").glob("*.py"))
}
"""Result of parsing each DAG file, before any test imports the modules of the DAGs."""


@pytest.fixture(params=PARSED)
def parsed(request: pytest.FixtureRequest) -> tuple[str, parsing.Parsed]:
    """The name of a DAG file, and the result of parsing it."""
    return request.param, PARSED[request.param]


@pytest.fixture(scope="session")
def dags() -> dict[str, Any]:
    """The DAGs as a worker loads them, by their ids."""
    from airflow.dag_processing.dagbag import DagBag

    return dict(DagBag().dags)


@pytest.fixture(scope="session")
def dag(dags: dict[str, Any]) -> Any:
    """The daily DAG."""
    return dags["0a1b2c3d4e5f_dag"]


@pytest.fixture(scope="session")
def maintenance(dags: dict[str, Any]) -> Any:
    """The nightly DAG."""
    return dags["0a1b2c3d4e5f_maintenance_dag"]


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A client of the S3 to which Airflow's connection ``aws_default`` leads."""
    import boto3
    from botocore.config import Config

    with (
        LocalStack(tmp_path_factory.mktemp("localstack")) as service,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("AIRFLOW_CONN_AWS_DEFAULT", aws_at(service.url))
        client = boto3.client(
            "s3",
            endpoint_url=service.url,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(s3={"addressing_style": "path"}),
        )
        yield client
        client.close()


@pytest.fixture(scope="session")
def jobs_api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JobsApi]:
    """The Jobs API; Airflow's connection ``databricks_default`` leads to it."""
    with (
        JobsApi(tmp_path_factory.mktemp("databricks")) as service,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("AIRFLOW_CONN_DATABRICKS_DEFAULT", service.connection())
        yield service
