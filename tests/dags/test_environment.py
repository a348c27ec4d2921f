"""Each environment of these tests is one that MWAA may have, with nothing else of ours."""

from __future__ import annotations

import sys
from importlib.metadata import PackageNotFoundError, distribution, version
from pathlib import Path

from packaging.requirements import Requirement
from parsing import PACKAGES, Parsed, strangers

from tests.support import ROOT

ENVIRONMENT = Path(sys.prefix).name
AIRFLOW = {"airflow": "3.3.1", "airflow-previous": "3.2.1", "airflow-newest": "3.3.1"}
"""Airflow's version in each: MWAA's two newest, and that of the newest Databricks provider."""
PINS = {
    "airflow": ("airflow/dags/constraints.txt", "requirements/mwaa.txt"),
    "airflow-previous": ("requirements/mwaa-previous.txt",),
}
"""Versions that MWAA has or is given there, where a package is in the environment."""


def requirements(file: str) -> list[Requirement]:
    """The lines of a file that apply to this interpreter."""
    lines = (ROOT / file).read_text().splitlines()
    found = [Requirement(line) for line in lines if line[:1].isalnum()]
    assert found
    return [item for item in found if item.marker is None or item.marker.evaluate()]


def lacking(item: Requirement) -> list[str]:
    """What isn't here of a requirement, and of its extras, at a version that will do."""
    try:
        there = distribution(item.name)
    except PackageNotFoundError:
        return [f"no {item}"]
    if not item.specifier.contains(there.version, prereleases=True):
        return [f"{item.name} {there.version}, not {item}"]
    brought = [Requirement(text) for text in there.requires or ()]
    return [
        text
        for extra in item.extras
        for one in brought
        if one.marker and one.marker.evaluate({"extra": extra})
        for text in lacking(one)
    ]


def test_airflow_is_the_one_that_the_environment_is_for() -> None:
    assert version("apache-airflow") == AIRFLOW[ENVIRONMENT]


def test_every_line_that_mwaa_is_given_is_met() -> None:
    asked = requirements("airflow/requirements.txt")
    assert [text for item in asked for text in lacking(item)] == []


def test_every_package_is_at_mwaas_version() -> None:
    pins = [item for file in PINS.get(ENVIRONMENT, ()) for item in requirements(file)]
    off = [text for item in pins for text in lacking(item)]
    assert [text for text in off if not text.startswith("no ")] == []


def test_nothing_of_ours_and_no_spark_is_here() -> None:
    assert {"contract", "pinpipe", "spark"} <= PACKAGES
    assert set(strangers()) <= {"java"}  # it may be on the machine, and no parse sees it


def test_a_parse_has_nothing_of_ours_but_the_plugins(parsed: tuple[str, Parsed]) -> None:
    _, found = parsed
    assert found.errors == {}
    assert found.strangers == []
    ours = {Path(name) for name in found.path if Path(name).is_relative_to(ROOT)}
    own = {path for path in ours if path.is_relative_to(sys.prefix)}
    assert ours - own == {ROOT / "airflow/plugins"}
    assert "" not in found.path
