"""The checks of tasks: their fields, their types, and the graph of a job's tasks."""

import re
from collections.abc import Iterable, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from services.databricks.api import parameters
from services.databricks.api.bodies import Count, Named, Texts, read
from services.databricks.api.errors import invalid
from services.databricks.api.libraries import Library, check_libraries, requirements
from services.databricks.engine import runtimes
from services.databricks.engine.states import RunIf
from services.databricks.workspace import Workspace

TASKS = 1000
"""Maximum number of tasks of a job; Databricks' limit."""
PARAMETERS_BYTES = 1_048_576
"""Bytes of a task's own parameters, as JSON; Databricks' limit for a notebook."""


class SparkPython(Struct):
    """Runs a Python file with arguments."""

    python_file: str
    parameters: Texts = []
    source: str = ""


class PythonWheel(Struct):
    """Calls an entry point of a package."""

    package_name: str
    entry_point: str
    parameters: Texts = []
    named_parameters: Named = {}


class Notebook(Struct):
    """Runs an exported notebook with widgets."""

    notebook_path: str
    base_parameters: Named = {}
    source: str = ""


class Dependency(Struct):
    """A task that must end first."""

    task_key: str


class Cluster(Struct):
    """The fields of a cluster that this service uses: runtime, settings, environment, tags."""

    spark_version: str = ""
    spark_conf: Named = {}
    spark_env_vars: Named = {}
    cluster_name: str = ""
    custom_tags: Named = {}
    init_scripts: list[Any] = []
    docker_image: dict[str, Any] = {}


class JobCluster(Struct):
    """A cluster that tasks of a job share."""

    job_cluster_key: str
    new_cluster: Cluster | None = None


class Task(Struct):
    """A task of a job or of a submitted run."""

    task_key: str
    depends_on: list[Dependency] = []
    run_if: RunIf = RunIf.ALL_SUCCESS
    max_retries: Annotated[int, Meta(ge=-1, le=2**31 - 1)] = 0
    """-1 is no limit."""
    min_retry_interval_millis: Count = 0
    retry_on_timeout: bool = False
    timeout_seconds: Count = 0
    spark_python_task: SparkPython | None = None
    python_wheel_task: PythonWheel | None = None
    notebook_task: Notebook | None = None
    libraries: list[Library] = []
    job_cluster_key: str = ""
    new_cluster: Cluster | None = None
    existing_cluster_id: str = ""
    environment_key: str = ""
    environment_variables_key: str = ""
    disabled: bool = False

    @property
    def upstream(self) -> list[str]:
        """Keys of the tasks that it depends on."""
        return [item.task_key for item in self.depends_on]


TYPES = ("spark_python_task", "python_wheel_task", "notebook_task")
CLUSTERS = ("existing_cluster_id", "new_cluster", "job_cluster_key")
"""Fields that name the cluster of a task."""
RESERVED = ("RUN_DIR", "SPARK_OPTIONS")
"""Variables that the scripts of this machine read, and Databricks does not have."""
KEY_CHARACTERS = 100
"""Maximum number of characters of a task's key."""
_KEY = re.compile(rf"[\w-]{{1,{KEY_CHARACTERS}}}")


def checked_tasks(
    raw: list[Any],
    job_clusters: Iterable[JobCluster],
    environments: frozenset[str],
    workspace: Workspace,
) -> list[dict[str, Any]]:
    """Check the tasks of a job; return them in the form to store, with numbers as numbers.

    Raises:
        ApiError: names the value that is not accepted.
    """
    if not raw:
        raise invalid("Job must have at least one task.")
    if len(raw) > TASKS:
        raise invalid(f"The job has {len(raw)} tasks, which is more than {TASKS}")
    tasks = [read(item, Task, "tasks") for item in raw]
    clusters = {item.job_cluster_key: item.new_cluster for item in job_clusters}
    for key, cluster in clusters.items():
        _check_cluster(cluster, f"Job cluster '{key}'")
    _check_graph(tasks)
    keys = frozenset(task.task_key for task in tasks)
    for task, item in zip(tasks, raw, strict=True):
        where = f"Task '{task.task_key}'"
        _check_cluster(task.new_cluster, where)
        _check_type(task, item, workspace)
        check_libraries(item, environments, where)
        requirements(item, (), workspace)
        parameters.check({name: item.get(name) for name in TYPES}, keys)
        if task.job_cluster_key and task.job_cluster_key not in clusters:
            raise invalid(
                f"Job cluster '{task.job_cluster_key}' is not defined in field 'job_clusters'."
            )
        given = [name for name in CLUSTERS if getattr(task, name)]
        if len(given) > 1:
            raise invalid(f"{where}: only one of {' and '.join(given)} may be given")
        for name in ("disabled", "environment_variables_key"):
            if getattr(task, name):
                raise invalid(f"{where}: {name} is not supported")
    return [with_parsed_values(item, task) for item, task in zip(raw, tasks, strict=True)]


def leaves(tasks: Mapping[str, Task]) -> list[str]:
    """Keys of the tasks on which no other task depends."""
    upstream = {key for task in tasks.values() for key in task.upstream}
    return [key for key in tasks if key not in upstream]


def downstream(tasks: Mapping[str, Task], keys: Iterable[str]) -> set[str]:
    """``keys`` and every task that depends on one of them, directly or not."""
    found = set(keys)
    while more := {k for k, task in tasks.items() if found & set(task.upstream)} - found:
        found |= more
    return found


def _check_graph(tasks: list[Task]) -> None:
    graph = {task.task_key: task.upstream for task in tasks}
    if len(graph) < len(tasks):
        raise invalid("Task keys must be unique within a job.")
    for key, upstream in graph.items():
        if not _KEY.fullmatch(key):
            raise invalid(
                f"Invalid task key '{key}': 1 to 100 letters, digits, hyphens and underscores"
            )
        if key in upstream:
            raise invalid(f"Invalid dependency graph, task '{key}' can not reference itself.")
        for name in upstream:
            if name not in graph:
                raise invalid(f"Invalid dependency graph, task '{name}' does not exist.")
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        cycle = " -> ".join(error.args[1])
        raise invalid(f"Invalid dependency graph, the tasks form a cycle: {cycle}.") from None


def check_variables(environment: Mapping[str, str], conf: Mapping[str, str], where: str) -> None:
    """Check the variables and Spark settings of a cluster; ``where`` names it.

    Raises:
        ApiError: a process can't be started with a name or a value.
    """
    for field, given, form in (
        ("spark_env_vars", environment, r"[^=\0]+"),
        ("spark_conf", conf, r"[^=\0\s]+"),
    ):
        for name, value in given.items():
            if not re.fullmatch(form, name):
                raise invalid(f"{where}: {field} has the invalid name {name!r:.100}")
            if "\0" in value:
                raise invalid(f"{where}: the value of {name!r:.100} in {field} has a zero byte")
            if field == "spark_env_vars" and name in RESERVED:
                raise invalid(f"{where}: {name} in spark_env_vars belongs to the service")


def _check_cluster(cluster: Cluster | None, where: str) -> None:
    if cluster:
        runtimes.check(cluster.spark_version)
        check_variables(cluster.spark_env_vars, cluster.spark_conf, where)
        for name in ("init_scripts", "docker_image"):
            if getattr(cluster, name):
                raise invalid(f"{where}: {name} of a cluster is not supported")


def _check_type(task: Task, raw: Mapping[str, Any], workspace: Workspace) -> None:
    where = f"Task '{task.task_key}'"
    given = [name for name in raw if name.endswith("_task") and raw[name] is not None]
    unknown = [name for name in given if name not in TYPES]
    if unknown:
        raise invalid(f"{where}: {', '.join(unknown)} is not supported, only {', '.join(TYPES)}")
    if len(given) != 1:
        raise invalid(f"{where} must specify exactly one of {', '.join(TYPES)}")
    size = len(msgspec.json.encode(raw[given[0]]))
    if size > PARAMETERS_BYTES:
        raise invalid(
            f"{where}: the JSON representation of {given[0]} has {size} bytes, "
            f"which is more than the limit of {PARAMETERS_BYTES} bytes"
        )
    file = task.notebook_task or task.spark_python_task
    if file and file.source == "GIT":
        raise invalid(f"{where}: source GIT is not supported, only files of the workspace")
    if task.spark_python_task:
        workspace.python_file(task.spark_python_task.python_file)
    elif task.notebook_task:
        workspace.notebook(task.notebook_task.notebook_path)
    wheel = task.python_wheel_task
    if wheel and wheel.parameters and wheel.named_parameters:
        raise invalid(f"{where}: only one of parameters and named_parameters may be given")


def with_parsed_values(raw: Any, form: Any) -> Any:
    """``raw``, in which the values of ``form`` replace those of the same names."""
    if isinstance(form, Struct):
        names = set(form.__struct_fields__)
        return {
            name: with_parsed_values(value, getattr(form, name)) if name in names else value
            for name, value in raw.items()
        }
    if isinstance(form, list) and form and isinstance(form[0], Struct):
        return [with_parsed_values(item, part) for item, part in zip(raw, form, strict=True)]
    return form
