"""The CI workflow prepares the machine and runs `.ci/run`, and nothing else."""

from typing import Any

import yaml

from tests.support import ROOT

WORKFLOW = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())


def steps() -> list[dict[str, Any]]:
    """The steps of every job, in order."""
    return [step for job in WORKFLOW["jobs"].values() for step in job["steps"]]


def test_the_one_command_is_that_of_ci() -> None:
    assert [step["run"] for step in steps() if "run" in step] == [".ci/run"]
    assert (ROOT / ".ci/run").is_file()
    assert "run" in steps()[-1]


def test_every_other_step_prepares_the_machine() -> None:
    actions = [step["uses"].partition("@")[0] for step in steps() if "uses" in step]
    assert actions[0] == "actions/checkout"
    assert set(actions[1:]) == {f"actions/setup-{name}" for name in ("python", "java", "node")}


def test_the_workflow_may_only_read() -> None:
    assert WORKFLOW["permissions"] == {"contents": "read"}
    assert not any("permissions" in job for job in WORKFLOW["jobs"].values())
