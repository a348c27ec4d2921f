"""Seconds from ``pinpipe up`` to all healthy, and the memory of each service.

Once with nothing there, once with the data of the first start, as after ``pinpipe down``.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import fields
from pathlib import Path

import pytest

from contract.settings import Settings
from tests.conftest import PORTS, ROOT, free_ports


def pinpipe(variables: dict[str, str], *arguments: str) -> str:
    """Run ``pinpipe``; return what it prints."""
    done = subprocess.run(
        [sys.executable, "-m", "stack.cli", *arguments],
        cwd=ROOT,
        env=variables,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.timeout(600)
def test_from_up_to_healthy(
    tmp_path: Path, pytestconfig: pytest.Config, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = {item.metadata["variable"] for item in fields(Settings)} | {"AWS_ENDPOINT_URL"}
    variables = {k: v for k, v in os.environ.items() if k not in settings}
    variables |= dict(zip(PORTS, map(str, free_ports(len(PORTS))), strict=True))
    variables |= {"RUN_DIR": str(tmp_path), "COMPOSE_PROJECT_NAME": f"bench-start-{os.getpid()}"}
    if engine := pytestconfig.getoption("--engine"):
        variables["ENGINE"] = engine
    lines = []
    try:
        for start in ("with nothing there", "with data"):
            began = time.perf_counter()
            pinpipe(variables, "up")
            lines.append(f"up, {start}: {time.perf_counter() - began:.1f} s to all healthy")
            services = json.loads(pinpipe(variables, "status", "--json"))
            pinpipe(variables, "down")
    finally:
        pinpipe(variables, "down", "--volumes")
    memory = {s["service"]: s["memory_mib"] for s in services if s["memory_mib"]}
    assert {"kafka", "connect", "localstack", "rest-proxy"} <= memory.keys()
    lines += [f"  {name:12} {mib:7.0f} MiB" for name, mib in memory.items()]
    lines.append(f"  {'together':12} {sum(memory.values()):7.0f} MiB")
    with capsys.disabled():
        print("", *lines, sep="\n")  # noqa: T201
