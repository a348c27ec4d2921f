"""`make audit` with a database of the test's own, and without one."""

import gzip
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.support import ROOT
from tests.support.ports import free_ports

CLICK = {
    "id": "GHSA-0000-0000-0000",
    "aliases": ["CVE-2099-0001"],
    "details": "A vulnerability of the test.",
    "affected": [
        {
            "package": {"name": "click", "ecosystem": "PyPI"},
            "ranges": [
                {"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "99.1"}]},
            ],
        }
    ],
}
KINESALITE = {"id": 1, "title": "A vulnerability of kinesalite", "vulnerable_versions": "<99"}


class Databases(ThreadingHTTPServer):
    """OSV and the audit of npm's registry; knows a vulnerability of the packages in ``known``."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: set[str] = set()
        self.known: set[str] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Databases

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        found: dict[str, object] = {}
        if self.path == "/osv":
            name = json.loads(body)["package"]["name"]
            found = {"vulns": [CLICK]} if name in self.server.known else {}
            self.server.asked.add(name)
        else:
            names = set(json.loads(gzip.decompress(body)))
            found = {
                name: [{**KINESALITE, "severity": "high"}] for name in names & self.server.known
            }
            self.server.asked |= names
        content = json.dumps(found).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def databases() -> Iterator[Databases]:
    with Databases() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def audit(url: str) -> subprocess.CompletedProcess[str]:
    given = {
        **{name: value for name, value in os.environ.items() if "proxy" not in name.lower()},
        "PIP_AUDIT_OSV_URL": f"{url}/osv",
        "NPM_CONFIG_REGISTRY": url,
    }
    return subprocess.run(
        [sys.executable, ".ci/audit.py", "requirements/app.txt", "requirements/bootstrap.txt"],
        cwd=ROOT,
        env=given,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )


def test_each_vulnerability_of_a_lock_is_a_line(databases: Databases) -> None:
    databases.known = {"click", "kinesalite"}
    done = audit(databases.url)
    assert done.returncode == 1, done.stderr
    lines = done.stdout.splitlines()
    assert any(
        line.startswith("requirements/app.txt: click ")
        and line.endswith(": CVE-2099-0001, fixed in 99.1")
        for line in lines
    )
    assert (
        lines[-1] == f"localstack/kinesalite/package-lock.json: kinesalite: {KINESALITE['title']}"
    )
    assert {"uvloop", "uv", "kinesalite"} <= databases.asked


def test_make_audit_names_every_lock() -> None:
    shown = subprocess.run(
        ["make", "--dry-run", "audit"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    (command,) = re.findall(r"\$\((grep .*)\)", shown)
    found = subprocess.run(
        command, shell=True, cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    others = {path.name for path in ROOT.glob("requirements/*.txt")} - {Path(f).name for f in found}
    assert others == {"mwaa.txt", "mwaa-previous.txt"}  # constraints


def test_without_a_database_nothing_is_audited() -> None:
    (port,) = free_ports(1)
    done = audit(f"http://127.0.0.1:{port}")
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("not audited: ")
    assert f"port={port}" in line
