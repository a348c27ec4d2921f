"""Runs one-shots, such as the emulator or the batch job, as if the caller had started them.

A signal to ``pinpipe`` reaches the program, and ``pinpipe`` ends with the program's exit code.
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
    """Replace this process with a program, which keeps the pid, the terminal and the signals."""
    sys.stdout.flush()
    sys.stderr.flush()
    os.chdir(folder)
    os.execvpe(command[0], list(command), dict(environment))


@dataclass(frozen=True, slots=True)
class OneShot:
    """A program that ends by itself, as the engine runs it."""

    command: tuple[str, ...]
    folder: Path
    environment: Mapping[str, str]

    container: str | None = None
    """Name of its container; None for a process."""

    def foreground(self) -> int:
        """Run it on this terminal and return its exit code; a process replaces this one."""
        if self.container is None:
            replace(self.command, self.folder, self.environment)
        # The terminal passes Ctrl-C to the program in its container.
        terminal = sys.stdin.isatty() and sys.stdout.isatty()
        options: dict[str, Any] = {} if terminal else {"stdin": subprocess.DEVNULL}
        with self._run(start_new_session=not terminal, **options) as (process, _):
            return process.wait()

    @contextmanager
    def _run(self, **options: Any) -> Iterator[tuple[subprocess.Popen[str], list[int]]]:
        """Start it and forward signals to it until the block ends.

        Yields the process and the signals that were received.
        """
        received: list[int] = []
        started: list[subprocess.Popen[str]] = []

        def forward(number: int, _frame: FrameType | None) -> None:
            received.append(number)
            for process in started:
                self._signal(process, signal.Signals(number))

        # A signal that the caller ignores, as nohup does, stays ignored.
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
                for number in list(received):  # received before the program started
                    self._signal(process, signal.Signals(number))
                yield process, received
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _signal(self, process: subprocess.Popen[str], number: signal.Signals) -> None:
        """Send a signal to the program, or to its container if that runs."""
        if self.container is not None:
            # A signal to `docker compose run` would end the client and leave the container running.
            kill = ("docker", "kill", f"--signal={number.name}", self.container)
            done = subprocess.run(
                kill, cwd=self.folder, env=dict(self.environment), capture_output=True, check=False
            )
            if done.returncode == 0:
                return
        process.send_signal(number)

    def answer(self) -> dict[str, Any]:
        """Run it with its stderr on ours; return the JSON document in its last line of output.

        Raises:
            StackError: its exit code isn't 0, or its last line is no JSON.
        """
        options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE}
        # In a session of its own, so that Ctrl-C reaches it only once.
        with self._run(start_new_session=True, **options) as (process, received):
            stdout, _ = process.communicate()
        if received:
            sys.exit(128 + received[0])
        name = " ".join(self.command)
        lines = stdout.strip().splitlines()
        if process.returncode != 0:
            last = f": {lines[-1]}" if lines else ""
            raise StackError(f"`{name}` ended with {process.returncode}{last}")
        try:
            document: dict[str, Any] = json.loads(lines[-1])
        except (IndexError, json.JSONDecodeError):
            raise StackError(f"`{name}` printed no JSON, but {stdout[-200:]!r}") from None
        return document
