"""``docker`` and ``docker compose`` as programs of this machine."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from pinpipe.engines.compose import FILE
from pinpipe.engines.oneshot import replace
from pinpipe.errors import StackError


class DockerCli:
    """Runs the programs in the project's folder with the project's variables."""

    def __init__(self, root: Path, environ: Mapping[str, str]) -> None:
        self._root = root
        self._environ = dict(environ)

    def command(self, *arguments: str) -> list[str]:
        """A ``docker compose`` command on this project, as a list of arguments."""
        return ["docker", "compose", "--file", str(self._root / FILE), *arguments]

    def compose(self, *arguments: str, check: bool = True) -> str:
        """Output of a ``docker compose`` command.

        Raises:
            StackError: the command failed, and ``check`` is set.
        """
        return self._captured(self.command(*arguments), check).decode()

    def compose_bytes(self, *arguments: str) -> bytes:
        """Output of a ``docker compose`` command as bytes."""
        return self._captured(self.command(*arguments), check=True)

    def docker(self, *arguments: str) -> str:
        """Output of a ``docker`` command; StackError if it failed."""
        return self._captured(["docker", *arguments], check=True).decode()

    def show(self, *arguments: str) -> int:
        """Run a ``docker compose`` command with its output on stderr; return its exit code."""
        return self._run(self.command(*arguments), stdout=sys.stderr).returncode

    def replace(self, *arguments: str) -> NoReturn:
        """Replace this process with a ``docker compose`` command."""
        replace(self.command(*arguments), self._root, self._environ)

    def _captured(self, command: list[str], check: bool) -> bytes:
        done = self._run(command, capture_output=True)
        if check and done.returncode != 0:
            lines = done.stderr.decode(errors="replace").strip().splitlines()
            last = lines[-1] if lines else f"ended with {done.returncode}"
            raise StackError(f"`{' '.join(command)}`: {last}")
        return done.stdout or b""

    def _run(self, command: list[str], **streams: Any) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            command,
            cwd=self._root,
            env=self._environ,
            stdin=subprocess.DEVNULL,
            check=False,
            **streams,
        )
