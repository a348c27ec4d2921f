"""Seconds from ``pinpipe up`` to all healthy, and the memory of each service.

Once with nothing there, once with the data of the first start, as after ``pinpipe down``.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from tests.conftest import own_variables, pinpipe


def said(variables: dict[str, str], *arguments: str) -> str:
    """What ``pinpipe`` prints."""
    done = pinpipe(variables, *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.timeout(600)
def test_from_up_to_healthy(
    tmp_path: Path, pytestconfig: pytest.Config, capsys: pytest.CaptureFixture[str]
) -> None:
    variables = own_variables(tmp_path)
    variables["COMPOSE_PROJECT_NAME"] = f"bench-start-{os.getpid()}"
    if engine := pytestconfig.getoption("--engine"):
        variables["ENGINE"] = engine
    lines = []
    try:
        for start in ("with nothing there", "with data"):
            began = time.perf_counter()
            said(variables, "up")
            lines.append(f"up, {start}: {time.perf_counter() - began:.1f} s to all healthy")
            services = json.loads(said(variables, "status", "--json"))
            said(variables, "down")
    finally:
        said(variables, "down", "--volumes")
    memory = {s["service"]: s["memory_mib"] for s in services if s["memory_mib"]}
    assert {"kafka", "connect", "localstack", "rest-proxy"} <= memory.keys()
    lines += [f"  {name:12} {mib:7.0f} MiB" for name, mib in memory.items()]
    lines.append(f"  {'together':12} {sum(memory.values()):7.0f} MiB")
    with capsys.disabled():
        print("", *lines, sep="\n")
