"""Topic creator, REST proxy and Connect log in with valid keys, and end with a reason otherwise."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from contract.settings import Settings
from services.connect.rest import Worker
from services.kafka_client.login import client_settings
from tests.contracts.kafka_login.conftest import ACCESS_KEY, Variables
from tests.support import ROOT
from tests.support.ports import free_ports
from tests.support.program import Service
from tests.support.rest_proxy import Proxy
from tests.support.waiting import wait_for

LIMIT = 30
"""Seconds within which a service ends, or reports a refused login."""

FILE_CONNECTORS = "connect-file-4.3.1.jar"
FILE_CONNECTORS_SHA256 = "e330c491309d8f839f2abd7260c72a3687d6d82ecf2ba0f7699a46d41a46dcac"

Start = Callable[[Service], Service]


@pytest.fixture
def run() -> Iterator[Start]:
    """Start a service and wait until it is healthy; it is stopped after the test."""
    with ExitStack() as started:
        yield started.enter_context


@pytest.fixture(scope="session")
def plugins(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The worker's plugins, and Kafka's file connectors, which the project's worker lacks."""
    own = ROOT / ".build/connect-file"
    jar = own / FILE_CONNECTORS
    if not jar.exists():
        name, version = jar.stem.rsplit("-", 1)
        copy = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy"
        artifact = f"-Dartifact=org.apache.kafka:{name}:{version}"
        command = ["mvn", "--batch-mode", "--quiet", copy, artifact, f"-DoutputDirectory={own}"]
        subprocess.run(command, check=True, cwd=tmp_path_factory.mktemp("maven"), timeout=240)
    assert hashlib.sha256(jar.read_bytes()).hexdigest() == FILE_CONNECTORS_SHA256
    return f"{ROOT / '.build/connect/plugins'},{own}"


def failure(script: str, folder: Path, variables: Variables) -> str:
    """Run a script that must fail within ``LIMIT``; return its output."""
    done = script_run(script, folder, variables)
    assert done.returncode != 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def script_run(script: str, folder: Path, variables: Variables) -> subprocess.CompletedProcess[str]:
    """Run a script to its end, within ``LIMIT``."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        [script],
        cwd=ROOT,
        env={**os.environ, **variables, "PATH": path, "RUN_DIR": str(folder)},
        capture_output=True,
        text=True,
        timeout=LIMIT,
    )


def test_the_topics_are_created(variables: Variables, folder: Path) -> None:
    own = {**variables, "KAFKA_AUTH": "iam", "USER_ID": "abcd"}
    wrong = {**own, "AWS_SECRET_ACCESS_KEY": "wrong"}
    output = failure("services/kafka/topics.sh", folder, wrong)
    assert "no login at Kafka" in output
    assert f"access key {ACCESS_KEY}" in output
    done = script_run("services/kafka/topics.sh", folder, own)
    assert done.returncode == 0, done.stderr
    admin = AdminClient(client_settings(Settings.from_environ(own), own))
    assert {"abcd.pin", "abcd.geo", "abcd.user"} <= set(admin.list_topics(timeout=10).topics)


@pytest.mark.parametrize("auth", ["iam", "scram"])
def test_the_rest_proxy_logs_in(variables: Variables, folder: Path, run: Start, auth: str) -> None:
    wrong = {"AWS_SECRET_ACCESS_KEY": "wrong", "KAFKA_SCRAM_PASSWORD": "wrong"}
    (port,) = free_ports(1)
    refused = Proxy(folder, port, **{**variables, "KAFKA_AUTH": auth, **wrong})
    output = failure("services/rest_proxy/run.sh", folder, refused.environment)
    assert f"(KAFKA_AUTH={auth})" in output
    assert "authentication" in output.lower()

    proxy = Proxy(folder, port, **{**variables, "KAFKA_AUTH": auth})
    run(proxy)
    assert proxy.call("GET", "/topics").status == 200


def test_all_clients_of_a_connect_worker_log_in(
    variables: Variables, folder: Path, run: Start, plugins: str
) -> None:
    """A sink's consumer reads, its producer writes a dead letter, its admin client its topic."""
    (port,) = free_ports(1)
    address = f"127.0.0.1:{port}"
    own = {
        **variables,
        "KAFKA_AUTH": "iam",
        "CONNECT_LISTEN": address,
        "CONNECT_ADVERTISED": address,
        "CONNECT_URL": f"http://{address}",
        "CONNECT_PASSWORD_FILE": str(folder / "connect password"),
    }
    output = failure("services/connect/run.sh", folder, {**own, "AWS_SECRET_ACCESS_KEY": "wrong"})
    assert "SaslAuthenticationException" in output
    assert f"secret of access key {ACCESS_KEY} gives" in output

    run(Service("services/connect", folder, {**own, "CONNECT_PLUGIN_PATH": plugins}))
    clients = client_settings(Settings.from_environ(own), own)
    _produce(clients, b'{"well":1}', b"no JSON")
    worker = Worker.of(Settings.from_environ(own))
    stored = folder / "stored.txt"
    worker.configure(
        "file",
        {
            "connector.class": "org.apache.kafka.connect.file.FileStreamSinkConnector",
            "topics": "source",
            "file": str(stored),
            "errors.tolerance": "all",
            "errors.deadletterqueue.topic.name": "dead",
            "errors.deadletterqueue.topic.replication.factor": "1",
        },
    )
    wait_for("the record", lambda: stored.is_file() and stored.read_text(), LIMIT)
    assert stored.read_text() == "{well=1}\n"
    dead = Consumer(clients | {"group.id": "dead", "auto.offset.reset": "earliest"})
    dead.subscribe(["dead"])
    try:
        found = wait_for("the dead letter", lambda: _value(dead), LIMIT)
    finally:
        dead.close()
    assert found == b"no JSON"
    assert json.dumps(worker.status("file")).count("RUNNING") == 2


def _produce(clients: dict[str, object], *values: bytes) -> None:
    admin = AdminClient(clients)
    admin.create_topics([NewTopic("source", 1)])["source"].result(LIMIT)
    producer = Producer(clients)
    for value in values:
        producer.produce("source", value)
    assert producer.flush(LIMIT) == 0


def _value(consumer: Consumer) -> bytes | None:
    message = consumer.poll(0.2)
    return message.value() if message is not None and message.error() is None else None
