"""Run a program, such as the emulator or the batch job, as if the caller had started it.

A signal to ``pinpipe`` reaches the program, and the program's exit code is that of ``pinpipe``.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from pinpipe.errors import StackError

FORWARDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def replace(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> NoReturn:
    """Become a program: it takes over this process with its pid, its terminal and its signals."""
    sys.stdout.flush()
    sys.stderr.flush()
    os.chdir(folder)
    os.execvpe(command[0], list(command), dict(environment))


@dataclass(frozen=True, slots=True)
class OneShot:
    """How an engine runs a one-shot: a program that ends by itself."""

    command: tuple[str, ...]
    folder: Path
    environment: Mapping[str, str]

    container: str | None = None
    """Name that the engine gives to its container, if it is one."""

    def foreground(self) -> int:
        """Run it on this terminal and return its exit code; a process takes the place of ours."""
        if self.container is None:
            replace(self.command, self.folder, self.environment)
        # Ctrl-C on a terminal reaches the program in its container by the terminal.
        terminal = sys.stdin.isatty() and sys.stdout.isatty()
        options: dict[str, Any] = {} if terminal else {"stdin": subprocess.DEVNULL}
        with self._run(start_new_session=not terminal, **options) as (process, _):
            return process.wait()

    @contextmanager
    def _run(self, **options: Any) -> Iterator[tuple[subprocess.Popen[str], list[int]]]:
        """Start it; until the block ends, signals to this process are the program's.

        Yields the process and the signals that have come.
        """
        came: list[int] = []
        started: list[subprocess.Popen[str]] = []

        def forward(number: int, _frame: FrameType | None) -> None:
            came.append(number)
            for process in started:
                self._signal(process, signal.Signals(number))

        # What a caller such as nohup has ignored stays so.
        before = {
            number: signal.signal(number, forward)
            for number in FORWARDED
            if signal.getsignal(number) is not signal.SIG_IGN
        }
        try:
            with subprocess.Popen(
                self.command, cwd=self.folder, env=dict(self.environment), text=True, **options
            ) as process:
                started.append(process)
                for number in list(came):  # before the program was there
                    self._signal(process, signal.Signals(number))
                yield process, came
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _signal(self, process: subprocess.Popen[str], number: signal.Signals) -> None:
        """Send a signal to the program: to its container, if it has one by now."""
        if self.container is not None:
            # The client of a container would end by itself, and leave the container running.
            kill = ("docker", "kill", f"--signal={number.name}", self.container)
            done = subprocess.run(
                kill, cwd=self.folder, env=dict(self.environment), capture_output=True, check=False
            )
            if done.returncode == 0:
                return
        process.send_signal(number)

    def answer(self) -> dict[str, Any]:
        """Run it with its talk on our stderr; return the JSON document that it prints last.

        Raises:
            StackError: it ended with another code than 0, or printed no JSON.
        """
        options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE}
        # In a session of its own, so that Ctrl-C reaches it once.
        with self._run(start_new_session=True, **options) as (process, came):
            stdout, _ = process.communicate()
        if came:
            sys.exit(128 + came[0])
        name = " ".join(self.command)
        lines = stdout.strip().splitlines()
        if process.returncode != 0:
            said = f": {lines[-1]}" if lines else ""
            raise StackError(f"`{name}` ended with {process.returncode}{said}")
        try:
            document: dict[str, Any] = json.loads(lines[-1])
        except (IndexError, json.JSONDecodeError):
            raise StackError(f"`{name}` printed no JSON, but {stdout[-200:]!r}") from None
        return document
