"""The command line: help, errors and refused commands."""

import os
import re
import socket
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import ClassVar

import click
import pytest
from click.testing import CliRunner

from pinpipe import cli
from pinpipe.engines import engine
from pinpipe.errors import StackError
from tests.support import ROOT


@pytest.fixture
def dead_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def pinpipe(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pinpipe.cli", *arguments],
        cwd=ROOT,
        env={**os.environ, "ENGINE": "native", **environ},
        capture_output=True,
        text=True,
        timeout=60,
    )


def commands(group: click.Group, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = []
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            found += commands(command, (*path, name))
        else:
            found.append((*path, name))
    return found


def test_every_command_has_a_help_text() -> None:
    names = {" ".join(path) for path in commands(cli.main)}
    assert {"up", "down", "status", "doctor", "logs", "demo", "batch", "results", "trace"} <= names
    assert {"emulate batch", "emulate streaming", "dataset load"} <= names
    for name, command in cli.main.commands.items():
        assert command.help, name


def test_the_version_is_that_of_the_project_file() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    result = CliRunner().invoke(cli.main, ["--version"], prog_name="pinpipe")
    assert result.exit_code == 0
    assert result.output == f"pinpipe, version {project['version']}\n"


def test_the_emulators_help_is_the_emulators_own() -> None:
    for pipeline, option in (("batch", "--dry-run"), ("streaming", "--partition-key")):
        done = pinpipe("emulate", pipeline, "--help")
        assert done.returncode == 0
        assert option in done.stdout
        assert "--resume" in done.stdout
        assert done.stdout.startswith(f"Usage: pinpipe emulate {pipeline} ")
    # Help needs no engine: this setting selects none.
    done = pinpipe("dataset", "load", "--help", ENGINE="unknown")
    assert done.stdout.startswith("Usage: pinpipe dataset load ")


@pytest.mark.parametrize(
    "command",
    [
        ("results",),
        ("watch", "--once"),
        ("trace", "1"),
        ("batch",),
        ("emulate", "batch", "--count", "1"),
        ("emulate", "streaming", "--count", "1"),
    ],
)
def test_a_command_does_not_touch_the_stack_of_another_checkout(
    tmp_path: Path, command: tuple[str, ...]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
        ports = {"LOCALSTACK_PORT": port, "KAFKA_PORT": port, "MYSQL_PORT": port}
        done = pinpipe(*command, RUN_DIR=str(tmp_path), **ports)
        server.settimeout(0)
        with pytest.raises(BlockingIOError):
            server.accept()
    assert done.returncode == 1
    assert f"on port {port}; python (pid {os.getpid()}) does, for another stack" in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("command", "environ", "message"),
    [
        ("logs kafak", {}, "has no service 'kafak'; it has mysql, "),
        ("logs kafka", {}, "kafka.log: start it with `pinpipe up`\n"),
        ("up", {"ENGINE": "podman"}, "Error: ENGINE is 'podman': it must be docker or native\n"),
        (
            "trace 1",
            {"USER_ID": "No Good"},
            "Error: USER_ID is 'No Good': it must be 4 to 32 lower-case letters and digits\n",
        ),
        (
            "results",
            {},
            "Error: localstack of this stack does not listen on port {}: start it with "
            "`pinpipe up`\n",
        ),
    ],
)
def test_an_error_is_one_line(
    tmp_path: Path, dead_port: int, command: str, environ: dict[str, str], message: str
) -> None:
    stack = {"LOCALSTACK_PORT": str(dead_port), "RUN_DIR": str(tmp_path)}
    done = pinpipe(*command.split(), **stack, **environ)
    assert (done.returncode, done.stdout) == (1, "")
    assert re.fullmatch(r"Error: .*\n", done.stderr)
    assert message.format(dead_port) in done.stderr


def test_status_of_a_stack_that_never_ran(tmp_path: Path) -> None:
    done = pinpipe("status", RUN_DIR=str(tmp_path))
    assert done.returncode == 1
    assert "not started" in done.stdout


def test_the_environment_wins_over_the_env_file(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("USER_ID=fromfile\nKAFKA_PORT=1\n")
    assert engine.environ(tmp_path, {"KAFKA_PORT": "2"}) == {
        "USER_ID": "fromfile",
        "KAFKA_PORT": "2",
    }


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"A=1\nB\n", "line 2: it is no NAME=value, or a quote has no end"),
        (b"# c\n\nA='secret\nB=2\n", "line 3: it is no NAME=value, or a quote has no end"),
        (b"A='se''cret'\n", "line 1: it is no NAME=value"),
        (b"=secret\n", "line 1: it is no NAME=value"),
        (b"A B=secret\n", "line 1: it is no NAME=value"),
        (b"A=1\n\nexport A=secret\n", "line 3: it sets A again"),
        (b"1A=secret\n", "line 1: '1A' is no name of a variable"),
        (b'A="secret\nb"\n', "line 1: the value of A has a line break"),
        (b"A=secret\0\n", "line 1: the value of A has a line break or a zero byte"),
        (b"A=secr\xff\n", "can't be read: 'utf-8' codec can't decode byte"),
    ],
)
def test_a_line_of_the_env_file_that_is_none_is_named(
    tmp_path: Path, content: bytes, problem: str
) -> None:
    file = tmp_path / ".env"
    file.write_bytes(content)
    with pytest.raises(StackError) as error:
        engine.environ(tmp_path, {})
    assert str(error.value).startswith(f"{file}")
    assert problem in str(error.value)
    assert "secret" not in str(error.value)


def test_lines_of_the_env_file(tmp_path: Path) -> None:
    text = "\ufeff# c\n\nexport A = 'a #b' # c\nB=\nC=${A}\nD=\"x\"\r\n"
    (tmp_path / ".env").write_text(text)
    assert engine.environ(tmp_path, {}) == {"A": "a #b", "B": "", "C": "a #b", "D": "x"}


class Healthy:
    """An engine with every service up."""

    client_environment: ClassVar[dict[str, str]] = {}

    def up(self) -> None:
        """All services run already."""

    def last_line(self, service: str) -> str:
        """Output of the load of the source database."""
        assert service == "dataset-load"
        return "dataset: left as they are"

    def read(self, service: str, path: str) -> str:
        """Passwords that Airflow has generated."""
        assert (service, Path(path).name) == (
            "airflow-api-server",
            "simple_auth_manager_passwords.json.generated",
        )
        return '{"admin": "made-at-first"}'


def test_up_and_password_print_the_generated_password_of_airflow(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cli, "_engine", Healthy)
    done = CliRunner().invoke(cli.main, ["up"])
    assert "user admin, password made-at-first" in done.stderr
    assert "dataset: left as they are" in done.stderr, "the state of the source database"
    assert "made-at-first" not in done.stdout
    assert CliRunner().invoke(cli.main, ["password"]).stdout == "made-at-first\n"
