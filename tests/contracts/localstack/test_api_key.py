"""GATEWAY_AUTH=api_key: the stack's own REST API answers 403 to a call without the key."""

import json
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from contract import names
from contract.wire import API_KEY, KAFKA_JSON
from emulator.dataset.load import load
from pinpipe.doctor import hops
from pinpipe.doctor.account import Account
from tests.support import ROOT
from tests.support.localstack import USER_ID, LocalStack
from tests.support.upstream import Answer, Upstream


@pytest.fixture(scope="module")
def key_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("key") / "key"


@pytest.fixture(scope="module")
def closed(
    upstream_server: Upstream, key_file: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LocalStack]:
    folder = tmp_path_factory.mktemp("closed")
    settings = {"GATEWAY_AUTH": "api_key", "GATEWAY_API_KEY_FILE": str(key_file)}
    with LocalStack(folder, upstream_server.url, **settings) as started:
        yield started


def test_a_call_without_the_key_is_forbidden(
    closed: LocalStack, key_file: Path, upstream: Upstream
) -> None:
    key = key_file.read_text().strip()
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
    for method, path in (
        ("POST", f"topics/{names.topics(USER_ID)[0]}"),
        ("GET", "topics"),
        ("GET", "streams"),
        ("DELETE", f"streams/{names.streams(USER_ID)[0]}"),
        ("PUT", f"streams/{names.streams(USER_ID)[0]}/record"),
    ):
        for headers in ({}, {API_KEY: "x" * len(key)}):
            answer = requests.request(method, f"{closed.api}/{path}", headers=headers, timeout=30)
            assert (answer.status_code, answer.json()) == (403, {"message": "Forbidden"})
    assert upstream.received == []
    answer = requests.get(f"{closed.api}/streams", headers={API_KEY: key}, timeout=30)
    assert names.streams(USER_ID)[0] in answer.json()["StreamNames"]


def test_the_doctor_asks_for_the_key(
    closed: LocalStack, key_file: Path, upstream: Upstream
) -> None:
    upstream.answer = Answer(422)
    given = {"GATEWAY_INVOKE_URL": closed.api, "USER_ID": USER_ID}
    without = list(hops.gateway(Account(given)))
    assert len(without) == 2
    assert all("GATEWAY_API_KEY" in finding.remedy for finding in without)
    key = {"GATEWAY_AUTH": "api_key", "GATEWAY_API_KEY_FILE": str(key_file)}
    assert all(finding.fine for finding in hops.gateway(Account(given | key)))


def test_the_emulator_sends_the_key_and_stores_it_nowhere(
    closed: LocalStack, key_file: Path, upstream: Upstream, tmp_path: Path
) -> None:
    upstream.answer = Answer(
        body=json.dumps(
            {"offsets": [{"partition": 0, "offset": 1, "error_code": None, "error": None}]}
        ).encode()
    )
    source = f"sqlite:///{tmp_path}/posts.db"
    load(source)
    environment = {
        "PATH": os.environ["PATH"],
        "USER_ID": USER_ID,
        "SOURCE_DATABASE_URL": source,
        "GATEWAY_INVOKE_URL": closed.api,
        "EMULATOR_OUTBOX": str(tmp_path / "outbox.db"),
        "GATEWAY_AUTH": "api_key",
        "GATEWAY_API_KEY_FILE": str(key_file),
    }

    def emulate(*options: str, **changed: str) -> subprocess.CompletedProcess[str]:
        module = "emulator.user_posting_emulation"
        return subprocess.run(
            [sys.executable, "-m", module, "--count", "1", *options],
            cwd=ROOT,
            env=environment | changed,
            capture_output=True,
            text=True,
            timeout=120,
        )

    done = emulate()
    assert done.returncode == 0, done.stderr
    assert [call.headers["content-type"] for call in upstream.received] == [KAFKA_JSON] * 3
    dry = emulate("--dry-run")
    key = key_file.read_text().strip()
    assert key not in dry.stdout
    assert key.encode() not in (tmp_path / "outbox.db").read_bytes()
    without = emulate(GATEWAY_API_KEY_FILE="")
    assert without.returncode == 1
    assert without.stderr == "Error: GATEWAY_API_KEY is not set: GATEWAY_AUTH is api_key\n"
    wrong = emulate(GATEWAY_API_KEY="x" * len(key))
    assert wrong.returncode == 1
    assert "HTTP 403" in wrong.stderr
