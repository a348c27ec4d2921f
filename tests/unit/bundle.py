"""spark/databricks.yml as the Databricks CLI reads it, with what it includes: variables filled in,
paths of a workspace.

The CLI checks a bundle against its own schema, and only where it can reach a workspace. Here the
resources are read by Databricks' own classes (databricks-bundles), which refuse an unknown field, a
missing one and a value of another kind; ``SECTIONS`` is what these classes don't cover.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml
from databricks.bundles.jobs import Job

from contract.settings import Settings
from stack import wheel

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "spark"
FILE = FOLDER / "databricks.yml"

SECTIONS: dict[str, set[str]] = {
    "": {"artifacts", "bundle", "include", "permissions", "presets", "resources", "run_as"}
    | {"sync", "targets", "variables", "workspace"},
    "artifacts.*": {"build", "dynamic_version", "executable", "files", "path", "type"},
    "artifacts.*.files.*": {"source"},
    "bundle": {"cluster_id", "databricks_cli_version", "deployment", "git", "name", "uuid"},
    "resources": {"jobs"},
    "sync": {"exclude", "include", "paths"},
    "targets.*": {"artifacts", "bundle", "cluster_id", "default", "git", "mode", "permissions"}
    | {"presets", "resources", "run_as", "sync", "variables", "workspace"},
    "targets.*.workspace": {"artifact_path", "file_path", "host", "profile", "resource_path"}
    | {"root_path", "state_path"},
    "variables.*": {"default", "description", "lookup", "type"},
}
"""Names that a section may hold, of those that ours has any use for.

From the JSON schema that ``databricks bundle schema`` prints (CLI of August 2026), which the file
was held against once by hand: that schema is in no package, and lets unknown sections pass.
"""
MODES = {"development", "production"}

DEFAULT_WORKSPACE = {
    "root_path": "/Workspace/Users/me/.bundle/${bundle.name}/${bundle.target}",
    "file_path": "${workspace.root_path}/files",
    "artifact_path": "${workspace.root_path}/artifacts",
}
"""What the CLI fills in where a target says nothing."""

GIVEN = {"instance_profile_arn": "arn:aws:iam::123456789012:instance-profile/pinterest"}
"""Variables that whoever deploys gives."""

_REFERENCE = re.compile(r"\$\{([\w.]+)\}")
_PARAMETER = re.compile(r"\{\{job\.parameters\.(\w+)\}\}")


class BundleError(Exception):
    """Something in the bundle that the CLI or the workspace would refuse."""


def read() -> dict[str, Any]:
    """The real bundle as one document: the file and, merged into it, what it includes.

    Raises:
        BundleError: two files define the same thing.
    """
    document: dict[str, Any] = yaml.safe_load(FILE.read_text())
    for pattern in document.get("include", []):
        for path in sorted(FOLDER.glob(pattern)):
            _merge(document, yaml.safe_load(path.read_text()), path.name)
    return document


def _merge(document: dict[str, Any], other: dict[str, Any], place: str) -> None:
    for name, value in other.items():
        if name not in document:
            document[name] = value
        elif isinstance(value, dict) and isinstance(document[name], dict):
            _merge(document[name], value, f"{place}: {name}")
        else:
            raise BundleError(f"{place}: {name} is defined twice")


@dataclass(frozen=True)
class Bundle:
    """The bundle for one target."""

    document: Mapping[str, Any]
    target: str
    given: Mapping[str, str]

    @classmethod
    def of(cls, target: str) -> Bundle:
        """The real one."""
        return cls(read(), target, GIVEN)

    @cached_property
    def workspace(self) -> dict[str, str]:
        """Paths in the workspace."""
        own = self.document["targets"][self.target].get("workspace", {})
        return DEFAULT_WORKSPACE | own

    @cached_property
    def jobs(self) -> dict[str, Any]:
        """The jobs, with variables filled in.

        Raises:
            BundleError: a variable isn't declared, or has no value.
        """
        found: dict[str, Any] = self.filled(self.document["resources"]["jobs"])
        return found

    def filled(self, value: Any) -> Any:
        """A value with every ``${...}`` in it replaced."""
        if isinstance(value, dict):
            return {name: self.filled(item) for name, item in value.items()}
        if isinstance(value, list):
            return [self.filled(item) for item in value]
        if not isinstance(value, str):
            return value
        whole = _REFERENCE.fullmatch(value)
        if whole:
            return self._value(whole[1])
        return _REFERENCE.sub(lambda match: str(self._value(match[1])), value)

    def submitted(self, job: str, key: str) -> dict[str, Any]:
        """A task as it reaches the Jobs API: paths of the workspace, and its cluster in it."""
        settings = self.jobs[job]
        (task,) = (dict(item) for item in settings["tasks"] if item["task_key"] == key)
        clusters = {item["job_cluster_key"]: item for item in settings["job_clusters"]}
        task["new_cluster"] = clusters[task.pop("job_cluster_key")]["new_cluster"]
        files = self.filled(self.workspace["file_path"])
        file = task["spark_python_task"]["python_file"]
        # What is uploaded starts at the folder that holds all of `sync.paths`.
        task["spark_python_task"] |= {"python_file": f"{files}/{FOLDER.name}/{file}"}
        artifacts = self.filled(self.workspace["artifact_path"])
        task["libraries"] = [
            {"whl": f"{artifacts}/.internal/{Path(item['whl']).name}"} for item in task["libraries"]
        ]
        task.pop("depends_on", None)
        return task

    def created(self, job: str) -> dict[str, Any]:
        """A job as the CLI creates it, with a cluster for each task."""
        settings = {name: item for name, item in self.jobs[job].items() if name != "job_clusters"}
        settings["tasks"] = [
            {"depends_on": task.get("depends_on", [])} | self.submitted(job, task["task_key"])
            for task in settings["tasks"]
        ]
        return settings

    def _value(self, path: str) -> Any:
        kind, _, name = path.partition(".")
        if kind == "var":
            declared = self.document.get("variables", {})
            if name not in declared:
                raise BundleError(f"${{{path}}}: variable {name} isn't declared")
            own = self.document["targets"][self.target].get("variables", {})
            values = {n: v["default"] for n, v in declared.items() if "default" in v}
            values |= {**own, **self.given}
            if name not in values:
                raise BundleError(f"${{{path}}}: variable {name} has no value")
            return self.filled(values[name])
        known = {
            "bundle": {**self.document["bundle"], "target": self.target},
            "workspace": self.workspace,
        }
        if name not in known.get(kind, {}):
            raise BundleError(f"${{{path}}} is unknown")
        return self.filled(known[kind][name])


def problems(document: Mapping[str, Any]) -> list[str]:
    """What the CLI or the workspace would refuse, and what would fail when a job runs."""
    found = list(_unknown_names(document))
    library = f"../dist/{wheel.FOLDER}/{wheel.file_name(ROOT)}"
    for item in document.get("artifacts", {}).values():
        found += [
            f"wheel {f['source']} isn't {library}" for f in item["files"] if f["source"] != library
        ]
    for pattern in document.get("include", []):
        if not list(FOLDER.glob(pattern)):
            found.append(f"include: there is no file {pattern}")
    for path in document.get("sync", {}).get("paths", []):
        if not (FOLDER / path).is_dir():
            found.append(f"sync.paths: there is no folder {path}")
    for target, own in document.get("targets", {}).items():
        if isinstance(own, dict) and own.get("mode") not in MODES:
            found.append(f"target {target}: mode is {own.get('mode')!r}")
        try:
            bundle = Bundle(document, target, GIVEN)
            for name, job in bundle.jobs.items():
                found += [f"{target}: job {name}: {text}" for text in _of_job(job, library)]
        except BundleError as error:
            found.append(f"{target}: {error}")
    return found


def _unknown_names(document: Mapping[str, Any]) -> Iterator[str]:
    for section, allowed in SECTIONS.items():
        for place, value in _places(document, section.split(".") if section else [], ""):
            if not isinstance(value, dict):
                yield f"{place or 'the bundle'} is {value!r}, not a mapping"
                continue
            yield from (f"{place}.{name} is unknown".lstrip(".") for name in set(value) - allowed)


def _places(value: Any, path: list[str], place: str) -> Iterator[tuple[str, Any]]:
    if not path:
        yield place, value
        return
    first, *rest = path
    if first == "*":
        items = value.items() if isinstance(value, dict) else enumerate(value)
    else:
        items = [(first, value[first])] if isinstance(value, dict) and first in value else []
    for name, item in items:
        yield from _places(item, rest, f"{place}.{name}".lstrip("."))


def _of_job(job: dict[str, Any], library: str) -> Iterator[str]:
    try:
        Job.from_dict(job)  # type: ignore[arg-type]
    except (TypeError, ValueError) as error:
        yield str(error)
        return
    clusters = {item["job_cluster_key"]: item["new_cluster"] for item in job["job_clusters"]}
    keys = {task["task_key"] for task in job["tasks"]}
    parameters = {item["name"] for item in job.get("parameters", [])}
    known = set(Settings.__dataclass_fields__)
    variables = {Settings.__dataclass_fields__[name].metadata["variable"] for name in known}
    for cluster in clusters.values():
        for name, value in cluster["spark_env_vars"].items():
            if name not in variables or not isinstance(value, str):
                yield f"spark_env_vars: {name}={value!r} is no setting"
    for task in job["tasks"]:
        where = f"task {task['task_key']}"
        if task.get("job_cluster_key") not in clusters:
            yield f"{where}: no job cluster {task.get('job_cluster_key')!r}"
        for other in task.get("depends_on", []):
            if other["task_key"] not in keys:
                yield f"{where}: depends on {other['task_key']!r}, which isn't there"
        if task.get("libraries") != [{"whl": library}]:
            yield f"{where}: libraries are {task.get('libraries')}, not the wheel {library}"
        python = task["spark_python_task"]
        file = FOLDER / python["python_file"]
        if not file.is_file():
            yield f"{where}: there is no file {python['python_file']}"
            continue
        options = _options(file)
        for text in python["parameters"]:
            if text.startswith("--") and text not in options:
                yield f"{where}: {file.name} has no option {text}"
            for name in _PARAMETER.findall(text):
                if name not in parameters:
                    yield f"{where}: job parameter {name} isn't declared"


def _options(file: Path) -> set[str]:
    """Options of a job's command line, as its source declares them."""
    return {
        node.args[0].value
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "add_argument"
        and isinstance(node.args[0], ast.Constant)
    }
