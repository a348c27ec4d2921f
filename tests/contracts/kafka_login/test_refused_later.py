"""A login that Kafka accepts and later refuses: clients report the reason, and then recover."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from contract import names
from contract.settings import Settings
from emulator.dataset.load import load
from services.kafka_client.login import client_settings
from tests.contracts.kafka_login.conftest import ACCESS_KEY, SECRET, Variables, broker
from tests.support import ROOT
from tests.support.ports import free_ports
from tests.support.program import Service
from tests.support.rest_proxy import Proxy, Response
from tests.support.waiting import wait_for

REASON = f"the secret of access key {ACCESS_KEY} gives"
USER_ID = "0123456789ab"
LIMIT = 30
"""Seconds within which the reason is reported."""

pytestmark = pytest.mark.slow


@pytest.fixture
def kafka(folder: Path) -> Iterator[tuple[Service, Variables]]:
    """A broker for this test alone, with the topics, and the environment of its clients."""
    service, client = broker(folder)
    client |= {"KAFKA_AUTH": "iam"}
    with service:
        admin = AdminClient(client_settings(Settings.from_environ(client), client))
        new = [NewTopic(topic, 1) for topic in names.topics(USER_ID)]
        for made in admin.create_topics(new).values():
            made.result(LIMIT)
        yield service, client


def restart(service: Service, secret: str) -> None:
    """Restart the broker with another secret of the access key."""
    service.stop()
    service.environment["AWS_SECRET_ACCESS_KEY"] = secret
    service.start()


def emulate(folder: Path, url: str) -> str:
    """Return the errors of an emulator that sends a post; it must end in time."""
    source = f"sqlite:///{folder / 'source.db'}"
    load(source)
    program = [sys.executable, "-m", "emulator.user_posting_emulation"]
    done = subprocess.run(
        [*program, "--count", "1", "--rate", "max", "--retry-seconds", "3"],
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            "USER_ID": USER_ID,
            "SOURCE_DATABASE_URL": source,
            "GATEWAY_INVOKE_URL": url,
            "EMULATOR_OUTBOX": str(folder / "outbox.db"),
        },
        capture_output=True,
        text=True,
        timeout=LIMIT,
    )
    assert done.returncode != 0, done.stderr
    return done.stderr


def test_clients_report_a_refused_login(kafka: tuple[Service, Variables], folder: Path) -> None:
    service, client = kafka
    (port,) = free_ports(1)
    proxy = Proxy(folder, port, **client, REST_PROXY_MESSAGE_TIMEOUT_MS="2000")
    known, unknown, _ = names.topics(USER_ID)

    def result() -> Any:
        return proxy.produce(known, {"value": 1}).json["offsets"][0]

    def refused() -> Response | None:
        response = proxy.produce(unknown, {"value": 1})
        return response if response.status == 401 else None

    with proxy:
        assert result()["offset"] == 0
        restart(service, "another")

        response = wait_for("the reason", lambda: REASON in (r := result())["error"] and r)
        assert (response["error_code"], response["offset"]) == (50003, None)
        assert response["error"].startswith("no login at Kafka")
        response = wait_for("the reason", refused, LIMIT)
        assert response.json["error_code"] == 40101
        assert REASON in response.json["message"]
        assert REASON in proxy.health().stderr
        errors = emulate(folder, f"http://127.0.0.1:{port}")
        assert errors.count(REASON) >= 2, errors

        restart(service, SECRET)
        stored = wait_for("a stored record", lambda: (r := result())["error_code"] is None and r)
        assert stored["offset"] >= 1
        assert proxy.health().returncode == 0
        service.stop()
        failed = wait_for("the broker to be away", lambda: (r := result())["error_code"] and r)
        assert "no login" not in failed["error"]  # the earlier reason
