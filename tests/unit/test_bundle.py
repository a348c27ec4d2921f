"""The Databricks bundle: it is valid, and has the tasks that the DAGs submit."""

import importlib
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
import yaml
from databricks.bundles.jobs import Job

from pinpipe.deploy import bundle
from pinpipe.deploy.wheel import FOLDER, SOURCES, WheelError, build, file_name, sources
from tests.support.bundle import GIVEN, ROOT, Bundle, read

AIRFLOW_TASKS = {
    "run_batch": "batch",
    "check_quality": "batch",
    "maintain_tables": "maintenance",
}
"""Tasks that the DAGs submit, with their job in the bundle."""


@pytest.mark.parametrize("target", ["dev", "prod"])
def test_databricks_reads_each_job_and_its_files_are_there(target: str) -> None:
    """Databricks' own classes refuse an unknown field, a missing one, a value of another kind."""
    jobs = Bundle(read(), target, GIVEN).jobs
    assert set(jobs) == {"batch", "maintenance", "stream"}
    for settings in jobs.values():
        Job.from_dict(settings)
        clusters = {item["job_cluster_key"] for item in settings["job_clusters"]}
        for task in settings["tasks"]:
            assert task["job_cluster_key"] in clusters
            assert (ROOT / "spark" / task["spark_python_task"]["python_file"]).is_file()
            assert task["libraries"] == [{"whl": f"../dist/{FOLDER}/{file_name(ROOT)}"}]


@pytest.fixture
def dag_jobs(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The module that submits jobs for the DAGs, with MWAA's variables for the workspace."""
    wheel = (
        f"/Workspace/Shared/.bundle/pinterest-data-pipeline/artifacts/.internal/{file_name(ROOT)}"
    )
    monkeypatch.setenv("AIRFLOW_VAR_WHEEL", wheel)
    monkeypatch.setenv("AIRFLOW_VAR_INSTANCE_PROFILE_ARN", GIVEN["instance_profile_arn"])
    monkeypatch.syspath_prepend(ROOT / "airflow/plugins")

    def forget() -> None:
        for name in [name for name in sys.modules if name.partition(".")[0] == "pinterest"]:
            del sys.modules[name]

    forget()
    yield importlib.import_module("pinterest.jobs")
    forget()


def test_the_jobs_that_airflow_submits_are_made_of_their_definition() -> None:
    written = (ROOT / bundle.FILE).read_text()
    assert written == bundle.text(ROOT), f"{bundle.FILE} is out of date: run `make bundle`"


def test_a_change_of_the_definition_is_in_the_bundle(tmp_path: Path) -> None:
    definition = tmp_path / bundle.DEFINITION
    definition.parent.mkdir(parents=True)
    text = (ROOT / bundle.DEFINITION).read_text()
    definition.write_text(text.replace("run_batch", "run_twice").replace("m5d.large", "m5d.xlarge"))
    (tmp_path / "pyproject.toml").write_text('[project]\nversion = "7.8.9"\n')
    made = yaml.safe_load(bundle.text(tmp_path))
    assert made["variables"]["cluster"]["default"]["node_type_id"] == "m5d.xlarge"
    first, second = made["resources"]["jobs"]["batch"]["tasks"]
    assert first["task_key"] == "run_twice"
    assert first["spark_python_task"]["python_file"] == "jobs/run_twice.py"
    assert second["depends_on"] == [{"task_key": "run_twice"}]
    assert "-7.8.9-" in second["libraries"][0]["whl"]


@pytest.mark.parametrize("key", AIRFLOW_TASKS)
def test_the_dag_submits_what_the_workspace_has(dag_jobs: ModuleType, key: str) -> None:
    """Each task has the files, the wheel and the cluster of a deployment of target prod."""
    deployed, job = Bundle.of("prod"), AIRFLOW_TASKS[key]
    names = dag_jobs.spark_jobs.TASKS[key].names
    values = {name: f"{{{{job.parameters.{name}}}}}" for name in names}
    sent = dag_jobs.submission(key, **values)["json"]
    assert sent["tasks"] == [deployed.submitted(job, key)]
    assert sent["timeout_seconds"] == deployed.jobs[job]["timeout_seconds"]


@pytest.mark.parametrize("values", [{}, {"until": ""}, {"until": "", "thresholds": "", "json": ""}])
def test_a_task_requires_exactly_its_parameters(
    dag_jobs: ModuleType, values: dict[str, str]
) -> None:
    message = r"check_quality requires \['thresholds', 'until'\], not "
    with pytest.raises(ValueError, match=message):
        dag_jobs.submission("check_quality", **values)


def test_the_docs_name_the_wheel_of_mwaa() -> None:
    text = (ROOT / "docs/running-on-databricks.md").read_text()
    (library,) = Bundle.of("prod").submitted("batch", "run_batch")["libraries"]
    assert library["whl"] in text
    assert set(re.findall(r"AIRFLOW_VAR_\w+", text)) == {
        "AIRFLOW_VAR_USER_ID",
        "AIRFLOW_VAR_INSTANCE_PROFILE_ARN",
        "AIRFLOW_VAR_WHEEL",
    }


def copied(to: Path, version: str = "0.1.0") -> Path:
    """A folder with the sources of the wheel, readable by their owner only."""
    for path in [*sources(ROOT), Path("pyproject.toml")]:
        target = to / path
        target.parent.mkdir(parents=True, exist_ok=True)
        text = (ROOT / path).read_text()
        target.write_text(text.replace('version = "0.1.0"', f'version = "{version}"'))
        target.chmod(0o600)
    return to


def test_the_wheel_has_the_same_bytes_twice_whatever_the_checkout(tmp_path: Path) -> None:
    copy = copied(tmp_path / "another place")
    once, again = build(ROOT, tmp_path / "1"), build(copy, tmp_path / "2")
    assert once.name == again.name == file_name(ROOT)
    assert once.read_bytes() == again.read_bytes()


def test_a_wheel_that_cannot_be_built_says_why(tmp_path: Path) -> None:
    with pytest.raises(WheelError, match=r"wheel pinterest_spark: .*version. must be"):
        build(copied(tmp_path, "first"), tmp_path / "dist")


def test_the_wheel_installs_and_holds_what_the_jobs_import(tmp_path: Path) -> None:
    """uv installs it into an empty folder, and a Python with this folder only imports it."""
    wheel = build(ROOT, tmp_path)
    with zipfile.ZipFile(wheel) as archive:
        modules = {name for name in archive.namelist() if name.endswith(".py")}
    assert modules == {str(path) for path in sources(ROOT)}
    assert {name for name in modules if not name.startswith(SOURCES)} == {"spark/__init__.py"}
    uv = ROOT / ".build/envs/bootstrap/bin/uv"
    into = tmp_path / "installed"
    install = [uv, "pip", "install", "--quiet", "--offline", "--no-deps", "--target", into, wheel]
    subprocess.run(install, check=True, capture_output=True, timeout=60)
    program = "import contract.settings as s, spark.pipeline as p; print(s.__file__, p.__file__)"
    python = [sys.executable, "-S", "-c", program]
    done = subprocess.run(
        python, env={"PYTHONPATH": str(into)}, cwd=tmp_path, capture_output=True, text=True
    )
    assert done.stdout.split() == [
        str(into / "contract/settings.py"),
        str(into / "spark/pipeline/__init__.py"),
    ], done.stderr
