"""Problems of a machine with Docker, each in one line with its remedy."""

import os
import shutil
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from pinpipe.doctor import docker_machine
from pinpipe.doctor.docker_machine import Facts, mebibytes, problems
from pinpipe.engines import engine
from pinpipe.engines.docker import DockerEngine
from pinpipe.errors import MachineError
from tests.support import ROOT

COMMANDS = ("bash", "cat", "env", "python3")
"""Programs on the PATH of the stand-in in addition to ``docker``; none is an engine."""
SILENT = (
    "no Docker engine responds ({}): start Docker, or set ENGINE=native to run the services as "
    "processes"
)
GOOD = Facts(client=True, engine="29.1.3", compose="v5.0.1", memory=8 << 30)


@pytest.mark.parametrize(
    ("facts", "messages"),
    [
        (GOOD, []),
        (replace(GOOD, engine="25.0", compose="2.24.0", memory=4 << 30), []),
        (Facts(client=False, engine=None, compose=None), ["there is no docker command"]),
        (replace(GOOD, engine=None), ["no Docker engine responds"]),
        (replace(GOOD, engine="24.0.9"), ["the Docker engine is 24.0.9"]),
        (replace(GOOD, compose=None), ["docker has no compose plugin"]),
        (replace(GOOD, compose="2.23.3"), ["Docker Compose is 2.23.3"]),
        (replace(GOOD, memory=3 << 30), ["Docker has 3.00 GiB of memory, not 3.7"]),
        (replace(GOOD, memory=int(3.83 * 2**30)), []),
        (
            replace(GOOD, engine="4.9.3", podman=True),
            ["the docker command is Podman, which the stack is not tested with"],
        ),
        (
            Facts(client=True, engine=None, compose="1.29.2"),
            ["Docker Compose is 1.29.2", "no Docker engine responds"],
        ),
    ],
)
def test_each_problem_is_one_line_with_its_remedy(facts: Facts, messages: list[str]) -> None:
    found = problems(facts)
    assert [problem.what for problem in found] == messages
    assert all(problem.remedy and "\n" not in str(problem) for problem in found)


class Docker:
    """A stand-in for ``docker`` on a PATH of its own, and `pinpipe` with that PATH."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in COMMANDS:
            found = shutil.which(name)
            assert found is not None
            (folder / name).symlink_to(found)
        self.environ = {
            "PATH": str(folder),
            "HOME": str(folder),
            "RUN_DIR": str(folder / "run"),
            "ENGINE": "",  # overrides that of a .env
        }
        self.set_output()

    def set_output(self, **outputs: str | None) -> None:
        """Set the output of each command; a command without one fails, as with no engine."""
        refusal = "Cannot connect to the Docker daemon at unix:///var/run/docker.sock."
        version = "Docker version 29.1.3, build 0"
        known = {"version": version, "context": "default", "compose": "v5.0.1"} | outputs
        cases = [f"{name}) echo '{text}' ;;" for name, text in known.items() if text]
        script = ["case ${1#--} in", *cases, f"*) echo '{refusal}' >&2; exit 1 ;;", "esac"]
        self.set_script("\n".join(script))

    def set_script(self, script: str) -> None:
        """Replace ``docker`` with a script."""
        (self.folder / "docker").write_text(f"#!/usr/bin/env bash\n{script}\n")
        (self.folder / "docker").chmod(0o755)

    def refused(self, **environ: str) -> str:
        """The error of the choice of an engine."""
        with pytest.raises(MachineError) as refused:
            engine.chosen(ROOT, self.environ | environ)
        return str(refused.value)

    def pinpipe(self, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """Run ``pinpipe`` with the PATH of the stand-in."""
        return subprocess.run(
            [sys.executable, "-m", "pinpipe.cli", *arguments],
            cwd=ROOT,
            env=self.environ | environ,
            capture_output=True,
            text=True,
            timeout=60,
        )


@pytest.fixture
def docker(tmp_path: Path) -> Docker:
    return Docker(tmp_path)


def test_processes_run_where_docker_is_a_client_alone(
    docker: Docker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Engines outside of PATH depend on the machine that runs the test, so they are excluded."""
    monkeypatch.setattr(docker_machine, "SOCKET", str(docker.folder / "none.sock"))
    monkeypatch.setattr(docker_machine, "INSTALLED", ())
    lines: list[str] = []
    assert engine.chosen(ROOT, docker.environ, lines.append) == "native"
    assert lines == ["docker is installed without an engine: the services run as processes"]
    (docker.folder / "docker").unlink()
    assert engine.chosen(ROOT, docker.environ, lines.append) == "native"
    assert len(lines) == 1


@pytest.mark.parametrize(
    ("environ", "context", "evidence"),
    [
        ({"DOCKER_HOST": "unix:///nobody.sock"}, "default", "DOCKER_HOST is unix:///nobody.sock"),
        ({"DOCKER_CONTEXT": "far"}, "far", "DOCKER_CONTEXT is far"),
        ({}, "desktop-linux", "its context is desktop-linux"),
    ],
)
def test_an_engine_that_is_set_up_but_does_not_respond_stops_the_start(
    docker: Docker, environ: dict[str, str], context: str, evidence: str
) -> None:
    docker.set_output(context=context)
    assert docker.refused(**environ) == SILENT.format(evidence)
    assert engine.chosen(ROOT, docker.environ | environ | {"ENGINE": "native"}) == "native"


def test_every_command_stops_with_that_message(docker: Docker) -> None:
    line = SILENT.format("DOCKER_HOST is unix:///nobody.sock")
    for command in ("engine", "up"):
        done = docker.pinpipe(command, DOCKER_HOST="unix:///nobody.sock")
        assert (done.returncode, done.stdout, done.stderr) == (1, "", f"Error: {line}\n")
    done = docker.pinpipe("doctor", DOCKER_HOST="unix:///nobody.sock")
    assert (done.returncode, done.stdout) == (1, f"{line}\n")


def test_an_installed_engine_or_its_socket_is_evidence_of_an_engine(
    docker: Docker, monkeypatch: pytest.MonkeyPatch
) -> None:
    socket_of_desktop = docker.folder / "docker.sock"
    monkeypatch.setattr(docker_machine, "SOCKET", str(socket_of_desktop))
    monkeypatch.setattr(docker_machine, "INSTALLED", ())
    assert docker_machine.read_facts(docker.environ).absent
    socket_of_desktop.symlink_to(docker.folder / "gone.sock")
    assert docker_machine.read_facts(docker.environ).set_up == f"{socket_of_desktop} exists"
    socket_of_desktop.unlink()
    daemon = docker.folder / "dockerd"
    daemon.symlink_to(docker.folder / "bash")
    assert docker_machine.read_facts(docker.environ).set_up == f"{daemon} exists"


def test_an_engine_without_compose_stops_the_start(docker: Docker) -> None:
    info = '{"ServerVersion": "29.1.3", "MemTotal": 8589934592}'
    docker.set_output(info=info, compose=None)
    assert docker.refused() == (
        "docker has no compose plugin: install Docker Compose 2.24, or set ENGINE=native "
        "to run the services as processes"
    )


def test_a_socket_that_is_forbidden_has_a_remedy_of_its_own(docker: Docker) -> None:
    refusal = "permission denied while trying to connect to the Docker daemon socket"
    docker.set_script(f"echo '{refusal}' >&2; exit 1")
    message = docker.refused(DOCKER_HOST="unix:///closed.sock")
    assert "this user may not use the Docker engine" in message
    assert "add the user to the group docker" in message


@pytest.mark.parametrize(
    "outputs",
    [
        {"version": "podman version 5.4.2"},
        {
            "info": '{"ServerVersion": "5.4.2", "MemTotal": 8589934592}',
            "version": '{"Components": [{"Name": "Podman Engine", "Version": "5.4.2"}]}',
        },
    ],
    ids=["podman-docker", "Podman's socket"],
)
def test_podman_has_a_message_of_its_own(docker: Docker, outputs: dict[str, str]) -> None:
    docker.set_output(**outputs)
    assert docker.refused() == (
        "the docker command is Podman, which the stack is not tested with: use Docker, or set "
        "ENGINE=native to run the services as processes"
    )


def test_the_outbox_is_copied_by_the_emulators_program(docker: Docker) -> None:
    docker.set_script("printf '%s' \"$*\"")
    outbox = DockerEngine(ROOT, docker.environ).outbox()
    assert outbox.name == "outbox.db"
    assert outbox.read_text().endswith(
        "--no-TTY --entrypoint python emulator -m emulator.delivery.outbox"
    )


def test_a_taken_port_is_named_before_any_container_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nobody.sock")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        variables = {**os.environ, "MYSQL_PORT": str(port)}
        messages = [problem.what for problem in DockerEngine(ROOT, variables).problems()]
    assert any(
        line.startswith(f"mysql needs port {port}, which ") and f"(pid {os.getpid()})" in line
        for line in messages
    )


@pytest.mark.parametrize(
    ("usage", "read"),
    [("265.1MiB / 2GiB", 265.1), ("1.5GiB / 4GiB", 1536.0), ("512KiB / 1GiB", 0.5), ("--", 0.0)],
)
def test_memory_is_read_in_the_units_of_docker_stats(usage: str, read: float) -> None:
    assert mebibytes(usage) == read
