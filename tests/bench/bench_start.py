"""Seconds from ``pinpipe up`` to all healthy, and the memory of each service.

Once without data, once with the data of the first start, as after ``pinpipe down``.
"""

import json
import time
from collections.abc import Callable

import pytest

from tests.conftest import pinpipe


@pytest.mark.timeout(600)
def test_from_up_to_healthy(own_variables: dict[str, str], say: Callable[..., None]) -> None:
    lines = []
    for start in ("with nothing there", "with data"):
        began = time.perf_counter()
        pinpipe(own_variables, "up")
        lines.append(f"up, {start}: {time.perf_counter() - began:.1f} s to all healthy")
        services = json.loads(pinpipe(own_variables, "status", "--json").stdout)
        pinpipe(own_variables, "down")
    memory = {s["service"]: s["memory_mib"] for s in services if s["memory_mib"]}
    assert {"kafka", "connect", "localstack", "rest-proxy"} <= memory.keys()
    lines += [f"  {name:12} {mib:7.0f} MiB" for name, mib in memory.items()]
    say(*lines, f"  {'together':12} {sum(memory.values()):7.0f} MiB")
