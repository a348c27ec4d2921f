"""The libraries of tasks: each is installed for its task alone, with the user's settings of pip."""

import socket
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from databricks.sdk.service import compute, jobs

from services.databricks.runner.libraries import LibraryError, prepare
from tests.support.databricks import JobsApi, python, results
from tests.support.wheels import write_wheel

FIND = """\
import importlib.util, subprocess, sys
def version(name):
    return __import__(name).VERSION if importlib.util.find_spec(name) else None
print(version("greeting"), version("words"))
child = "import sys, importlib.util as u; print(bool(u.find_spec('greeting')))"
subprocess.run([sys.executable, "-c", child], check=True)
"""
"""Prints the versions of two modules, and whether a child finds the first one as well."""
UDF = """\
from pyspark.sql import SparkSession
from pyspark.sql.functions import udf

spark = SparkSession.builder.getOrCreate()

@udf("string")
def found(_):
    import importlib.util
    return __import__("greeting").VERSION if importlib.util.find_spec("greeting") else "none"

print("udf", spark.range(1).select(found("id")).first()[0])
"""


@pytest.fixture(scope="module", params=["0"])
def api(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[JobsApi]:
    """A service whose pip has an index of three wheels, a folder; the parameter is for its JVMs."""
    index = tmp_path_factory.mktemp("index")
    for version in ("1.0", "2.0"):
        write_wheel(index, "greeting", version, "words>=1", "boto3")
    write_wheel(index, "words", "1.5")
    settings = {
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(index),
        "DATABRICKS_IDLE_SECONDS": request.param,
    }
    with JobsApi(tmp_path_factory.mktemp("databricks"), **settings) as service:
        (service.workspace / "find.py").write_text(FIND)
        (service.workspace / "udf.py").write_text(UDF)
        (service.workspace / "requirements.txt").write_text("# ours\ngreeting == 2.0\n")
        wheels = service.data / "dbfs/Volumes/main/default/wheels"
        wheels.mkdir(parents=True)
        write_wheel(wheels, "greeting", "3.0", "words")
        write_wheel(wheels, "words", "9.0")
        yield service


def library(**kind: Any) -> list[compute.Library]:
    """The libraries of a task, which has one."""
    return [compute.Library.from_dict(kind)]


WHEEL = "/Volumes/main/default/wheels/greeting-3.0-py3-none-any.whl"


def test_each_task_has_its_own_libraries(api: JobsApi) -> None:
    environments = [
        jobs.JobEnvironment("one", compute.Environment(dependencies=["greeting<2", ""])),
        jobs.JobEnvironment(
            "file", compute.Environment(dependencies=["-r /Workspace/requirements.txt"])
        ),
        jobs.JobEnvironment("wheel", compute.Environment(dependencies=["words", WHEEL])),
    ]
    run = api.ended(
        api.submit(
            python("pypi", "find.py", libraries=library(pypi={"package": "greeting==1.0"})),
            python(
                "file", "find.py", libraries=library(requirements="/Workspace/requirements.txt")
            ),
            python("whl", "find.py", libraries=library(whl=WHEEL)),
            python(
                "quick", "find.py", libraries=library(whl=WHEEL.replace("greeting-3", "words-9"))
            ),
            python("none", "find.py"),
            python("of_one", "find.py", environment_key="one"),
            python("of_file", "find.py", environment_key="file"),
            python("of_wheel", "find.py", environment_key="wheel"),
            environments=environments,
        ),
        60,
    )
    logs = {task.task_key: api.output(run, task.task_key).logs for task in run.tasks or []}
    assert logs == {
        "pypi": "1.0 1.5\nTrue\n",
        "file": "2.0 1.5\nTrue\n",
        "whl": "3.0 1.5\nTrue\n",
        "quick": "None 9.0\nFalse\n",
        "none": "None None\nFalse\n",
        "of_one": "1.0 1.5\nTrue\n",
        "of_file": "2.0 1.5\nTrue\n",
        "of_wheel": "3.0 1.5\nTrue\n",
    }


def test_an_installation_that_fails_names_the_library_and_no_credential(api: JobsApi) -> None:
    index = "http://ann:hush-hush@127.0.0.1:9/simple"
    libraries = library(pypi={"package": "nothing==1", "repo": index})
    run = api.ended(api.submit(python("a", "find.py", libraries=libraries)))
    output = api.output(run, "a")
    message = run.state.state_message
    assert "Library installation failed for nothing==1: " in message
    assert "ERROR: No matching distribution found for nothing==1" in message
    folder = api.attempt(run.tasks[0].run_id)
    assert not (folder / "requirements.txt").exists()
    shown = [message, output.error, output.error_trace, (folder / "log").read_text()]
    assert not [text for text in shown if "hush-hush" in text]


def test_a_wheel_that_unpacks_to_more_than_the_disk_is_refused(tmp_path: Path) -> None:
    wheel = write_wheel(tmp_path, "large", "1.0")
    with zipfile.ZipFile(wheel, "a") as archive:
        archive.writestr("zeros", "0")
        archive.filelist[-1].file_size = 10**15  # as its directory would say of so many zeros
    with pytest.raises(LibraryError, match=r"large-1\.0.*it unpacks to 10{12}\d+ bytes, and the"):
        prepare([[str(wheel)]], tmp_path)
    assert not (tmp_path / "libraries").exists()


def test_a_cancelled_task_ends_its_installation(api: JobsApi) -> None:
    with socket.create_server(("127.0.0.1", 0)) as index:
        index.settimeout(30)
        url = f"http://127.0.0.1:{index.getsockname()[1]}/simple"
        libraries = library(requirements="/Workspace/silent.txt")
        lines = f"--no-index\n--find-links {url}\nnothing\n"
        (api.workspace / "silent.txt").write_text(lines)
        run_id = api.submit(python("a", "find.py", libraries=libraries))
        connection, _ = index.accept()
        with connection:
            connection.settimeout(30)
            api.jobs.cancel_run(run_id)
            while connection.recv(4096):  # until pip's process has ended
                pass
    assert results(api.ended(run_id)) == {"a": "CANCELED"}


@pytest.mark.slow
@pytest.mark.parametrize("api", ["300"], indirect=True)
def test_udfs_have_the_libraries_of_their_task_alone(api: JobsApi) -> None:
    """Tasks that follow each other in one JVM."""
    with_it = python("with_it", "udf.py", libraries=library(pypi={"package": "greeting"}))
    run = api.ended(api.submit(with_it, python("without", "udf.py", after=("with_it",))), 120)
    assert results(run) == {"with_it": "SUCCESS", "without": "SUCCESS"}
    lines = {key: (api.output(run, key).logs or "").splitlines() for key in ("with_it", "without")}
    assert "udf 2.0" in lines["with_it"]
    assert "udf none" in lines["without"]
