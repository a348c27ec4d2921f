"""Problems of a machine before the installation, with stand-ins for its programs."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from pinpipe.doctor import machine
from tests.support import ROOT

OLD_PYTHON = """#!/usr/bin/env bash
case $2 in
  *sys.exit*) exit 1 ;;
  *print*) echo {version} ;;
  *) echo "SyntaxError" >&2; exit 1 ;;
esac
"""
NEW_PYTHON = """#!/usr/bin/env bash
case $2 in
  *ensurepip*) exit {ensurepip} ;;
esac
"""
JAVA = """#!/usr/bin/env bash
echo 'Picked up JAVA_TOOL_OPTIONS: -Dhttp.proxyHost=proxy.example' >&2
echo 'openjdk version "{version}" 2025-09-16' >&2
"""


def program(file: Path, text: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    file.chmod(0o755)
    return file


class Pythons:
    """A PATH that has only stand-ins for interpreters, and pinpipe/python.sh on it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environ = {"PATH": str(folder), "HOME": str(folder / "home")}
        for name in ("bash", "env"):
            found = shutil.which(name)
            assert found is not None
            (folder / name).symlink_to(found)

    def old(self, name: str, version: str) -> Path:
        return program(self.folder / name, OLD_PYTHON.format(version=version))

    def new(self, name: str, *, ensurepip: bool = True) -> Path:
        return program(self.folder / name, NEW_PYTHON.format(ensurepip=0 if ensurepip else 1))

    def found(self, **environ: str) -> tuple[str, str]:
        """Output of the script, and its stderr."""
        script = ROOT / "pinpipe/python.sh"
        done = subprocess.run(
            [script], env=self.environ | environ, capture_output=True, text=True, timeout=20
        )
        assert (done.returncode == 0) == bool(done.stdout), done
        return done.stdout.strip(), done.stderr.strip()


@pytest.fixture
def pythons(tmp_path: Path) -> Pythons:
    return Pythons(tmp_path)


def test_a_newer_python_is_found_by_name(pythons: Pythons) -> None:
    pythons.old("python3", "3.8.18")
    newer = pythons.new("python3.12")
    assert pythons.found() == (str(newer), "")
    python3 = pythons.new("python3")
    assert pythons.found() == (str(python3), "")


@pytest.mark.parametrize(
    "place",
    [
        "home/.pyenv/versions/3.13.1/bin/python3",
        "home/.local/share/uv/python/cpython-3.12.9-linux-x86_64-gnu/bin/python3",
    ],
)
def test_a_newer_python_is_found_under_pyenv_and_uv(pythons: Pythons, place: str) -> None:
    pythons.old("python3", "3.10.12")
    newer = pythons.new(place)
    assert pythons.found() == (str(newer), "")


def test_without_a_new_python_the_error_is_one_line(pythons: Pythons) -> None:
    assert pythons.found()[1] == (
        "there is no python3 that runs: install Python 3.11 or newer, or name one with PYTHON="
    )
    pythons.old("python3", "3.6.15")
    assert pythons.found()[1] == (
        "python3 is 3.6.15, not 3.11 or newer: install Python 3.11 or newer, "
        "or name one with PYTHON="
    )


def test_the_python_that_a_person_names_is_taken_or_refused(pythons: Pythons) -> None:
    pythons.new("python3")
    named, old = pythons.new("python3.12"), pythons.old("python3.9", "3.9.2")
    assert pythons.found(PYTHON="python3.12") == (str(named), "")
    assert pythons.found(PYTHON=str(old))[1].startswith(f"{old} is 3.9.2, not 3.11 or newer")


def test_a_python_without_ensurepip_names_the_package(pythons: Pythons) -> None:
    """Debian's Python without python3-venv is such a one."""
    pythons.new("python3", ensurepip=False)
    out, message = pythons.found()
    assert out == ""
    assert message.startswith("python3 has no ensurepip")
    assert "apt install python3-venv" in message
    complete = pythons.new("python3.12")
    assert pythons.found() == (str(complete), "")


def test_make_runs_that_script_before_it_installs_anything(pythons: Pythons) -> None:
    pythons.old("python3", "3.8.18")
    for name in ("make", "mkdir"):
        found = shutil.which(name)
        assert found is not None
        (pythons.folder / name).symlink_to(found)
    project = pythons.folder / "project"
    for path in ("Makefile", "pyproject.toml", "requirements", "pinpipe/python.sh"):
        copy = project / path
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.symlink_to(ROOT / path)
    done = subprocess.run(
        ["make", "demo"], cwd=project, env=pythons.environ, capture_output=True, text=True
    )
    assert done.returncode != 0
    assert done.stderr.splitlines()[0].startswith("python3 is 3.8.18, not 3.11 or newer")
    assert not (project / ".build/envs/bootstrap").exists()


@pytest.mark.parametrize(
    ("version", "accepted"),
    [("1.8.0_402", False), ("17.0.15", True), ("22.0.1", True), ("23", False), ("25.0.1", False)],
)
def test_java_is_taken_from_17_to_22(tmp_path: Path, version: str, accepted: bool) -> None:
    java = program(tmp_path / "jdk/bin/java", JAVA.format(version=version))
    problem = machine.java({"JAVA_HOME": str(tmp_path / "jdk")}).check()
    assert (problem is None) == accepted
    if problem is not None:
        assert problem.what.startswith(f"{java} is version ")
        assert problem.what.endswith("not 17 to 22")
        assert "Hadoop 3.4.2" in problem.remedy
        assert "security manager" in problem.remedy


def environment(folder: Path, **named: Path) -> Mapping[str, str]:
    return {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"} | {
        name: str(path) for name, path in named.items()
    }


def test_spark_is_not_installed_with_another_java(tmp_path: Path) -> None:
    """The version of the jobs' java counts, not that of the one on PATH."""
    program(tmp_path / "bin/java", JAVA.format(version="17.0.15"))
    program(tmp_path / "jdk/bin/java", JAVA.format(version="25.0.1"))
    project = tmp_path / "project"
    for path in ("spark/install.sh", "services/kafka/java.sh"):
        (project / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, project / path)
    program(project / ".build/envs/spark/bin/python", "#!/bin/sh\n")
    program(tmp_path / "bin/mvn", "#!/bin/sh\nexit 1\n")
    done = subprocess.run(
        [project / "spark/install.sh"],
        env=environment(tmp_path / "bin", JAVA_HOME=tmp_path / "jdk"),
        capture_output=True,
        text=True,
        timeout=20,
    )
    assert done.returncode == 1
    assert done.stderr.startswith(
        f"spark: {tmp_path}/jdk/bin/java is version 25, not 17 to 22; Hadoop 3.4.2"
    )
    assert len(done.stderr.splitlines()) == 1
