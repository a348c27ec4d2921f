"""Ask a process whether it does its work, as docker-compose.yml says how."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

from stack.compose import Healthcheck


def ask(check: Healthcheck, root: Path, environment: Mapping[str, str]) -> str:
    """Why a service isn't healthy: the last line that its check says; empty when it is."""
    first, *rest = check.command
    try:
        done = subprocess.run(
            [str(root / first), *rest],
            cwd=root,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=check.timeout,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"its health check took over {check.timeout:g} s"
    if done.returncode == 0:
        return ""
    lines = (done.stderr or done.stdout).strip().splitlines()
    return lines[-1] if lines else f"its health check ended with {done.returncode}"
