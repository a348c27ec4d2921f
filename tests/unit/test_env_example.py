"""One settings file a target: the same names in both, with docker-compose.yml's defaults here."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from dotenv import dotenv_values

from pinpipe.doctor import variables

ROOT = Path(__file__).resolve().parents[2]
PINPIPE_ONLY = {"ENGINE"}
"""Read by pinpipe itself, not by docker-compose.yml."""
OF_A_TARGET = {variable.name for variable in variables.VARIABLES}
"""Read by pinpipe for another target than this machine."""

LOCAL, AWS = dotenv_values(ROOT / ".env.example"), dotenv_values(ROOT / ".env.aws.example")


@pytest.fixture
def compose() -> dict[str, str]:
    """Variables of docker-compose.yml with their defaults."""
    text = (ROOT / "docker-compose.yml").read_text()
    defaults: dict[str, set[str]] = {}
    for name, default in re.findall(r"(?=\$\{([A-Z0-9_]+)(?::-([^}]*))?)", text):
        defaults.setdefault(name, set()).add(default)
    # A default that differs by place, or is itself made of variables, is shown as empty.
    return {
        name: "" if len(values) > 1 or "${" in min(values) else min(values)
        for name, values in defaults.items()
    }


def test_every_variable_is_in_the_example_with_its_default(compose: dict[str, str]) -> None:
    assert set(LOCAL) == set(compose) | PINPIPE_ONLY | OF_A_TARGET
    assert {name: LOCAL[name] for name in compose} == compose
    assert {LOCAL[name] for name in OF_A_TARGET - set(compose)} == {""}


def test_both_targets_have_the_same_variables_in_the_same_order() -> None:
    assert list(AWS) == list(LOCAL)


def test_what_is_not_of_the_target_is_the_same_in_both() -> None:
    same = set(LOCAL) - OF_A_TARGET
    assert {name: AWS[name] for name in same} == {name: LOCAL[name] for name in same}


def test_the_doctor_finds_every_placeholder_of_the_example_and_nothing_else() -> None:
    given = {name: value or "" for name, value in AWS.items()}
    found = list(variables.check(given))
    assert {finding.area for finding in found} == {n for n, value in given.items() if "<" in value}
    assert all("placeholder" in finding.what for finding in found)
    assert all(finding.remedy for finding in found)


def test_git_ignores_the_files_made_of_them() -> None:
    ignored = (ROOT / ".gitignore").read_text().splitlines()
    assert {"/.env", "/.env.aws"} <= set(ignored)
