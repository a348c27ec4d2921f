"""``docker`` and ``docker compose``, called as a person would call them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from pinpipe.engines.compose import FILE
from pinpipe.engines.oneshot import replace
from pinpipe.errors import StackError


class DockerCli:
    """Calls them in the project's folder, with the project's variables."""

    def __init__(self, root: Path, environ: Mapping[str, str]) -> None:
        self._root = root
        self._environ = dict(environ)

    def command(self, *arguments: str) -> list[str]:
        """The words of a ``docker compose`` command on this project."""
        return ["docker", "compose", "--file", str(self._root / FILE), *arguments]

    def compose(self, *arguments: str, check: bool = True) -> str:
        """What a ``docker compose`` command prints.

        Raises:
            StackError: it failed, and ``check`` is set.
        """
        return self._captured(self.command(*arguments), check).decode()

    def compose_bytes(self, *arguments: str) -> bytes:
        """What a ``docker compose`` command writes, where that isn't text."""
        return self._captured(self.command(*arguments), check=True)

    def docker(self, *arguments: str) -> str:
        """What a ``docker`` command prints; StackError when it failed."""
        return self._captured(["docker", *arguments], check=True).decode()

    def show(self, *arguments: str) -> int:
        """Run a ``docker compose`` command, all that it says on our stderr; its exit code."""
        return self._run(self.command(*arguments), stdout=sys.stderr).returncode

    def replace(self, *arguments: str) -> NoReturn:
        """Become a ``docker compose`` command, on this terminal."""
        replace(self.command(*arguments), self._root, self._environ)

    def _captured(self, command: list[str], check: bool) -> bytes:
        done = self._run(command, capture_output=True)
        if check and done.returncode != 0:
            said = done.stderr.decode(errors="replace").strip().splitlines()
            last = said[-1] if said else f"ended with {done.returncode}"
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
