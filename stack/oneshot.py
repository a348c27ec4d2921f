"""Run a one-shot service, such as the emulator or the batch job, and hand on its answer."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stack.errors import StackError


@dataclass(frozen=True, slots=True)
class OneShot:
    """How an engine runs a one-shot: a program that ends by itself."""

    command: tuple[str, ...]
    folder: Path
    environment: Mapping[str, str]

    def foreground(self) -> int:
        """Run it on this terminal and return its exit code.

        Ctrl-C reaches it as well as us; it's given the time to end by itself.
        """
        with subprocess.Popen(self.command, cwd=self.folder, env=dict(self.environment)) as process:
            while True:
                try:
                    return process.wait()
                except KeyboardInterrupt:
                    continue

    def answer(self) -> dict[str, Any]:
        """Run it with its talk on our stderr; return the JSON document that it prints last.

        Raises:
            StackError: it ended with another code than 0, or printed no JSON.
        """
        done = subprocess.run(
            self.command,
            cwd=self.folder,
            env=dict(self.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            check=False,
        )
        name = " ".join(self.command)
        lines = done.stdout.strip().splitlines()
        if done.returncode != 0:
            said = f": {lines[-1]}" if lines else ""
            raise StackError(f"`{name}` ended with {done.returncode}{said}")
        try:
            document: dict[str, Any] = json.loads(lines[-1])
        except (IndexError, json.JSONDecodeError):
            raise StackError(f"`{name}` printed no JSON, but {done.stdout[-200:]!r}") from None
        return document
