"""Run a one-shot service, such as the emulator or the batch job, and hand on its answer."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from typing import Any

from stack.engine import project_root
from stack.errors import StackError
from stack.native import NativeEngine


def foreground(engine: NativeEngine, service: str, arguments: Sequence[str]) -> int:
    """Run it on this terminal and return its exit code.

    Ctrl-C reaches it as well as us; it's given the time to end by itself.
    """
    with subprocess.Popen(
        engine.command(service, arguments), cwd=project_root(), env=engine.environment(service)
    ) as process:
        while True:
            try:
                return process.wait()
            except KeyboardInterrupt:
                continue


def answer(engine: NativeEngine, service: str, arguments: Sequence[str]) -> dict[str, Any]:
    """Run it with its talk on our stderr; return the JSON document that it prints last.

    Raises:
        StackError: it ended with another code than 0, or printed no JSON.
    """
    done = subprocess.run(
        engine.command(service, arguments),
        cwd=project_root(),
        env=engine.environment(service),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    lines = done.stdout.strip().splitlines()
    if done.returncode != 0:
        said = f": {lines[-1]}" if lines else ""
        raise StackError(f"{service} ended with {done.returncode}{said}")
    try:
        document: dict[str, Any] = json.loads(lines[-1])
    except (IndexError, json.JSONDecodeError):
        raise StackError(f"{service} printed no JSON, but {done.stdout[-200:]!r}") from None
    return document
