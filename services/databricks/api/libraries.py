"""The libraries of a task: those of its field ``libraries``, and those of its environment.

An environment is serverless compute's list of dependencies, which are lines of a requirements file.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct

from services.databricks.api.errors import invalid
from services.databricks.workspace import Workspace

KINDS = ("pypi", "whl", "requirements")


class Package(Struct):
    """A package of PyPI or of another index, with an optional version."""

    package: str
    repo: str = ""


class Library(Struct):
    """A library of one of the kinds that can be installed."""

    whl: str = ""
    pypi: Package | None = None
    requirements: str = ""


class Spec(Struct):
    """What an environment has; ``client`` is the former name of its version."""

    dependencies: list[str] = []


class Environment(Struct):
    """An environment that tasks of a job share."""

    environment_key: str
    spec: Spec | None = None


def check_environments(
    environments: Iterable[Mapping[str, Any]], workspace: Workspace
) -> frozenset[str]:
    """Check the environments of a job; return their keys.

    Raises:
        ApiError: names the environment and the field.
    """
    keys: set[str] = set()
    for item in environments:
        key = item["environment_key"]
        if key in keys:
            raise invalid(f"Environment '{key}' is defined twice in field 'environments'.")
        keys.add(key)
        for name in ("base_environment", "java_dependencies", "project_environment"):
            if (item.get("spec") or {}).get(name):
                raise invalid(f"Environment '{key}': {name} is not supported, only dependencies")
        requirements({"environment_key": key}, [item], workspace)
    return frozenset(keys)


def check_libraries(task: Mapping[str, Any], environments: Iterable[str], where: str) -> None:
    """Check the libraries of a task; ``where`` names it.

    Raises:
        ApiError: names the task, and the kind or the environment.
    """
    for library in task.get("libraries", ()):
        kinds = [kind for kind, value in library.items() if value]
        if unknown := [kind for kind in kinds if kind not in KINDS]:
            raise invalid(
                f"{where}: a library of kind {unknown[0]} is not supported, only {', '.join(KINDS)}"
            )
        if len(kinds) != 1:
            raise invalid(f"{where}: each library must have exactly one of {', '.join(KINDS)}")
    key = task.get("environment_key")
    if key and key not in environments:
        raise invalid(f"{where}: environment_key '{key}' is not defined in field 'environments'.")


def requirements(
    task: Mapping[str, Any], environments: Iterable[Mapping[str, Any]], workspace: Workspace
) -> list[list[str]]:
    """Lines of requirements files for the libraries of a task, with local paths.

    Each list is installed by itself, since options of a file count for all of its lines.

    Raises:
        ApiError: a path is outside the workspace.
    """
    lines, found = [], []
    for library in task.get("libraries", ()):
        if pypi := library.get("pypi"):
            if index := pypi.get("repo"):
                found.append([f"--index-url {index}", pypi["package"]])
            else:
                lines.append(pypi["package"])
        elif wheel := library.get("whl"):
            lines.append(workspace.library(wheel))
        elif file := library.get("requirements"):
            lines.append(f"-r {workspace.library(file)}")
    for item in environments:
        if item["environment_key"] == task.get("environment_key"):
            dependencies = (item.get("spec") or {}).get("dependencies", ())
            stripped = (line.strip() for line in dependencies)
            lines += [workspace.requirement(line) for line in stripped if line]
    return [lines, *found] if lines else found
