"""Each environment of these tests is one that MWAA may have, without the project's packages."""

import sys
from importlib.metadata import PackageNotFoundError, distribution, version
from pathlib import Path

from packaging.requirements import Requirement
from parsing import PACKAGES, Parsed, absent_on_mwaa

from tests.support import ROOT

ENVIRONMENT = Path(sys.prefix).name
AIRFLOW = {"airflow": "3.3.1", "airflow-previous": "3.2.1", "airflow-newest": "3.3.1"}
"""Airflow's version in each: MWAA's two newest, and that of the newest Databricks provider."""
PINS = {
    "airflow": ("airflow/dags/constraints.txt", "requirements/mwaa.txt"),
    "airflow-previous": ("requirements/mwaa-previous.txt",),
}
"""Versions that MWAA has or installs, for the packages that an environment contains."""


def requirements(file: str) -> list[Requirement]:
    """The lines of a file that apply to this interpreter."""
    lines = (ROOT / file).read_text().splitlines()
    found = [Requirement(line) for line in lines if line[:1].isalnum()]
    assert found
    return [item for item in found if item.marker is None or item.marker.evaluate()]


def unmet(item: Requirement) -> list[str]:
    """What the environment lacks of a requirement and its extras, at an accepted version."""
    try:
        installed = distribution(item.name)
    except PackageNotFoundError:
        return [f"no {item}"]
    if not item.specifier.contains(installed.version, prereleases=True):
        return [f"{item.name} {installed.version}, not {item}"]
    dependencies = [Requirement(text) for text in installed.requires or ()]
    return [
        text
        for extra in item.extras
        for one in dependencies
        if one.marker and one.marker.evaluate({"extra": extra})
        for text in unmet(one)
    ]


def test_airflow_has_the_version_of_the_environment() -> None:
    assert version("apache-airflow") == AIRFLOW[ENVIRONMENT]


def test_every_requirement_for_mwaa_is_met() -> None:
    required = requirements("airflow/requirements.txt")
    assert [text for item in required for text in unmet(item)] == []


def test_every_package_is_at_mwaas_version() -> None:
    pins = [item for file in PINS.get(ENVIRONMENT, ()) for item in requirements(file)]
    unmet_pins = [text for item in pins for text in unmet(item)]
    assert [text for text in unmet_pins if not text.startswith("no ")] == []


def test_the_environment_has_neither_spark_nor_the_projects_packages() -> None:
    assert {"contract", "pinpipe", "spark"} <= PACKAGES
    assert set(absent_on_mwaa()) <= {"java"}  # the machine may have it; no parse sees it


def test_a_parse_sees_only_the_plugins_of_the_project(parsed: tuple[str, Parsed]) -> None:
    _, found = parsed
    assert found.errors == {}
    assert found.absent_on_mwaa == []
    ours = {Path(name) for name in found.path if Path(name).is_relative_to(ROOT)}
    own = {path for path in ours if path.is_relative_to(sys.prefix)}
    assert ours - own == {ROOT / "airflow/plugins"}
    assert "" not in found.path
