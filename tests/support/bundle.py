"""What the Databricks CLI makes of spark/databricks.yml and of what it includes: variables filled
in, paths of a workspace.

The CLI itself works only where it reaches a workspace. The tests that run the bundle's jobs here
(tests/e2e, tests/contracts/databricks) and those that compare them with the DAGs' need its output.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from tests.support import ROOT

FOLDER = ROOT / "spark"
FILE = FOLDER / "databricks.yml"

DEFAULT_WORKSPACE = {
    "root_path": "/Workspace/Users/me/.bundle/${bundle.name}/${bundle.target}",
    "file_path": "${workspace.root_path}/files",
    "artifact_path": "${workspace.root_path}/artifacts",
}
"""What the CLI fills in where a target says nothing."""

GIVEN = {"instance_profile_arn": "arn:aws:iam::123456789012:instance-profile/pinterest"}
"""Variables that whoever deploys gives."""

_REFERENCE = re.compile(r"\$\{([\w.]+)\}")


def read() -> dict[str, Any]:
    """The real bundle as one document: the file and, merged into it, what it includes.

    Raises:
        AssertionError: two files define the same thing, which the CLI would refuse.
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
        else:
            both = {type(value), type(document[name])}
            assert both == {dict}, f"{place}: {name} is defined twice"
            _merge(document[name], value, f"{place}: {name}")


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
            AssertionError: a variable isn't declared, or has no value.
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
            assert name in declared, f"${{{path}}}: variable {name} isn't declared"
            own = self.document["targets"][self.target].get("variables", {})
            values = {n: v["default"] for n, v in declared.items() if "default" in v}
            values |= {**own, **self.given}
            assert name in values, f"${{{path}}}: variable {name} has no value"
            return self.filled(values[name])
        known = {
            "bundle": {**self.document["bundle"], "target": self.target},
            "workspace": self.workspace,
        }
        assert name in known.get(kind, {}), f"${{{path}}} is unknown"
        return self.filled(known[kind][name])
