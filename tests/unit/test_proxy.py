"""Services on this machine are reached without the HTTP proxy of the environment."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from contract import processes
from pinpipe.engines import engine
from pinpipe.engines.native import NativeEngine
from pinpipe.proxy import without_loopback
from tests.support import ROOT
from tests.support.upstream import Answer, Upstream

SERVICES = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
NEVER = {"localstack": "its run.sh unsets every proxy"}
PROXY = {
    name: "http://127.0.0.1:9"  # nothing listens there
    for spelling in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
    for name in (spelling, spelling.lower())
}


@pytest.fixture
def server() -> Iterator[Upstream]:
    """A stand-in for S3 without objects."""
    with Upstream(Answer(404)) as made:
        yield made


def test_pinpipe_reaches_this_machine_without_a_proxy(server: Upstream, tmp_path: Path) -> None:
    # With the record of a service of the stack, so that pinpipe calls it.
    own_record = {"place": processes.place(), "started": processes.started(os.getpid())}
    (tmp_path / "state").mkdir()
    record = tmp_path / "state/localstack.json"
    record.write_text(json.dumps({"pid": os.getpid(), **own_record}))
    outside = {k: v for k, v in os.environ.items() if k.lower() != "no_proxy"}
    own = {"ENGINE": "native", "RUN_DIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-m", "pinpipe.cli", "results", "4"],
        cwd=ROOT,
        env=outside | PROXY | own | {"LOCALSTACK_PORT": str(server.server_port)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    assert server.received, done.stderr


@pytest.mark.parametrize("name", [name for name in SERVICES if name not in NEVER])
def test_services_reach_each_other_without_a_proxy(name: str) -> None:
    """As containers, in which Docker's client or an image may set a proxy, and as processes."""
    given = SERVICES[name].get("environment", {})
    hosts = {
        host for value in given.values() for host in re.findall(r"http://([a-z-]+):", str(value))
    }
    for spelling in ("NO_PROXY", "no_proxy"):
        assert hosts <= set(str(given.get(spelling, "")).split(","))
    native = NativeEngine(ROOT, {"NO_PROXY": "intern.example", "PATH": os.environ["PATH"]})
    if hosts:
        bypassed = native.one_shot(name).environment["no_proxy"].split(",")
        assert {"intern.example", "localhost", "127.0.0.1"} <= set(bypassed)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, "localhost,127.0.0.1"),
        ({"NO_PROXY": ".corp, 127.0.0.1"}, ".corp,127.0.0.1,localhost"),
        ({"no_proxy": "a", "NO_PROXY": "b"}, "a,b,localhost,127.0.0.1"),
        ({"NO_PROXY": "*"}, "*"),
    ],
)
def test_hosts_in_no_proxy_stay(given: dict[str, str], expected: str) -> None:
    assert without_loopback(given) == {"NO_PROXY": expected, "no_proxy": expected}


def test_hosts_of_the_env_file_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    (tmp_path / ".env").write_text("NO_PROXY=intern.example\n")
    monkeypatch.setattr(engine, "project_root", lambda: tmp_path)
    engine.bypass_proxy()
    assert engine.environ(tmp_path)["NO_PROXY"] == "intern.example,localhost,127.0.0.1"
