"""Parses a DAG as Airflow's processor does: in a fork of a process that has imported Airflow.

The fork has what MWAA has: Airflow's packages and the plug-ins, but neither Java nor anything else
of the project.
"""

import importlib
import importlib.util
import json
import os
import shutil
import sys
import tomllib
import warnings
from dataclasses import asdict, dataclass
from pathlib import Path

from airflow.dag_processing import processor
from airflow.dag_processing.dagbag import DagBag
from airflow.utils.file import iter_airflow_imports

HERE = Path(__file__).resolve().parent
PROJECT = tomllib.loads((HERE.parents[2] / "pyproject.toml").read_text())
PACKAGES = {name.partition(".")[0] for name in PROJECT["tool"]["setuptools"]["packages"]}
"""The project's packages, without those in airflow/."""


@dataclass(frozen=True)
class Parsed:
    """The result of parsing a file."""

    errors: dict[str, str]
    dags: list[str]
    modules: list[str]
    """Modules that the fork imported, and that every parse imports again."""
    warnings: list[str]
    """Warnings whose cause is a file of the project."""
    path: list[str]
    """``sys.path`` of the fork."""
    absent_on_mwaa: list[str]
    """What the fork could use although MWAA lacks it."""


def in_a_fork(file: Path) -> Parsed:
    """Parse ``file`` in a fork of this process, which must not have imported the file."""
    assert processor  # this process has imported what the processor imports
    for module in iter_airflow_imports(str(file)):
        importlib.import_module(module)
    read, write = os.pipe()
    if not os.fork():
        try:
            _leave_the_project()
            found = _parse(file)
            with os.fdopen(write, "w") as pipe:
                json.dump(asdict(found), pipe)
        finally:
            os._exit(0)
    os.close(write)
    with os.fdopen(read) as pipe:
        return Parsed(**json.load(pipe))


def absent_on_mwaa() -> list[str]:
    """What can be imported or started here and not on MWAA: Spark, Java, the project's packages."""
    lacking = ("delta", "py4j", "pyspark", *sorted(PACKAGES))
    found = [name for name in lacking if importlib.util.find_spec(name)]
    return [*found, "java"] if shutil.which("java") else found


def _leave_the_project() -> None:
    sys.path[:] = [name for name in sys.path if Path(name).resolve() != HERE]
    os.environ["PATH"] = str(Path(sys.executable).parent)
    os.environ.pop("JAVA_HOME", None)
    os.chdir("/")


def _parse(file: Path) -> Parsed:
    before = set(sys.modules)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        bag = DagBag(file)
    ours = str(file.parents[1])
    return Parsed(
        {str(name): text for name, text in bag.import_errors.items()},
        list(bag.dags),
        sorted(set(sys.modules) - before),
        [str(item.message) for item in caught if item.filename.startswith(ours)],
        list(sys.path),
        absent_on_mwaa(),
    )
