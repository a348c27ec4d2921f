"""The two example files: the same names in both, and docker-compose.yml's defaults locally."""

import re

import pytest
from dotenv import dotenv_values

from pinpipe.doctor import variables
from tests.support import ROOT

PINPIPE_ONLY = {"ENGINE"}
"""Variables of pinpipe that docker-compose.yml does not use."""
OF_A_TARGET = {variable.name for variable in variables.VARIABLES}
"""Variables of pinpipe for the target AWS."""

LOCAL, AWS = dotenv_values(ROOT / ".env.example"), dotenv_values(ROOT / ".env.aws.example")


@pytest.fixture
def compose() -> dict[str, str]:
    """Variables of docker-compose.yml with their defaults."""
    text = (ROOT / "docker-compose.yml").read_text()
    defaults: dict[str, set[str]] = {}
    for name, default in re.findall(r"(?=\$\{([A-Z0-9_]+)(?::-([^}]*))?)", text):
        defaults.setdefault(name, set()).add(default)
    # A default that differs by service, or contains variables, is empty in the example.
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


def test_variables_of_no_target_are_the_same_in_both() -> None:
    same = set(LOCAL) - OF_A_TARGET
    assert {name: AWS[name] for name in same} == {name: LOCAL[name] for name in same}


def test_the_doctor_finds_exactly_the_placeholders_of_the_example() -> None:
    given = {name: value or "" for name, value in AWS.items()}
    found = list(variables.check(given))
    assert {finding.area for finding in found} == {n for n, value in given.items() if "<" in value}
    assert all("placeholder" in finding.what for finding in found)
    assert all(finding.remedy for finding in found)


def test_git_ignores_the_copies() -> None:
    ignored = (ROOT / ".gitignore").read_text().splitlines()
    assert {"/.env", "/.env.aws"} <= set(ignored)
