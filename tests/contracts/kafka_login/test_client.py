"""The broker's checks of logins, with the project's own client settings and with forged tokens."""

import base64
import datetime
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import botocore.auth
import pytest
from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from confluent_kafka import Consumer, KafkaException, Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from contract.settings import Settings
from services.kafka.client import Admin, BrokerError
from services.kafka_client.login import LoginError, LoginWatch, client_settings
from tests.contracts.kafka_login.conftest import ACCESS_KEY, SECRET, USER, Variables

LIMIT = 30.0
"""Seconds within which a login is refused."""


def signed(
    action: str = "kafka-cluster:Connect",
    host: str = "kafka.us-east-1.amazonaws.com",
    service: str = "kafka-cluster",
    region: str = "us-east-1",
    expires: int = 900,
    change: Callable[[str], str] = lambda url: url,
) -> str:
    """Return a token signed by botocore; ``change`` is applied to its URL after signing."""
    signer = SigV4QueryAuth(Credentials(ACCESS_KEY, SECRET), service, region, expires=expires)
    request = AWSRequest(method="GET", url=f"https://{host}/", params={"Action": action})
    signer.add_auth(request)
    url = change(request.prepare().url)
    return base64.urlsafe_b64encode(url.encode()).decode().rstrip("=")


def log_in(variables: Variables, token: str) -> str:
    """Log in with a token; return the reason of a refusal, or an empty text."""
    settings = Settings.from_environ({**variables, "KAFKA_AUTH": "iam"})
    watch = LoginWatch(settings)
    extra = {"oauth_cb": lambda _: (token, time.time() + 600), "error_cb": watch, "log_level": 0}
    client = AdminClient(client_settings(settings, variables) | extra)
    deadline = time.monotonic() + LIMIT
    timeout = 0.4
    while time.monotonic() < deadline:
        try:
            client.list_topics(timeout=timeout)
            return ""
        except KafkaException:
            client.poll(0)
        if watch.refused is not None:
            return str(watch.refused)
        timeout *= 2
    raise AssertionError(f"neither logged in nor refused after {LIMIT:g} s: {watch.last_error}")


@pytest.mark.parametrize("auth", ["iam", "scram"])
def test_a_record_is_produced_and_consumed(
    variables: Variables, auth: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The end of the transaction makes the broker log in at itself."""
    settings = Settings.from_environ({**variables, "KAFKA_AUTH": auth})
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):  # found by the AWS SDK
        monkeypatch.setenv(name, variables[name])
    topic = f"kept-{auth}"
    admin = AdminClient(client_settings(settings))
    admin.create_topics([NewTopic(topic, 1)])[topic].result(LIMIT)

    producer = Producer(client_settings(settings) | {"transactional.id": auth})
    producer.init_transactions(LIMIT)
    producer.begin_transaction()
    producer.produce(topic, b"{}")
    producer.commit_transaction(LIMIT)

    reading = {"group.id": auth, "auto.offset.reset": "earliest"}
    consumer = Consumer(client_settings(settings) | reading)
    consumer.subscribe([topic])
    try:
        message = consumer.poll(LIMIT)
        assert message is not None
        assert (message.error(), message.value()) == (None, b"{}")
    finally:
        consumer.close()


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"AWS_SECRET_ACCESS_KEY": "wrong"}, f"secret of access key {ACCESS_KEY} gives"),
        ({"AWS_ACCESS_KEY_ID": "AKIAOTHER"}, "unknown access key AKIAOTHER"),
        ({"AWS_REGION": "eu-west-1"}, r"host is kafka.eu-west-1.*, not kafka.us-east-1"),
        ({"KAFKA_CA_FILE": ""}, "certificate"),
        ({"KAFKA_AUTH": "scram", "KAFKA_SCRAM_PASSWORD": "wrong"}, "invalid credentials"),
        ({"KAFKA_AUTH": "scram", "KAFKA_SCRAM_USERNAME": "nobody"}, "invalid credentials"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
def test_a_refused_login_names_the_reason(
    variables: Variables, changed: Variables, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = {**variables, "KAFKA_AUTH": "iam", **changed}
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, own[name])
    admin = Admin(Settings.from_environ(own))
    with pytest.raises(LoginError, match=f"no login at Kafka.*{reason}"):
        admin.metadata(LIMIT)


def test_a_client_without_a_login_gets_no_answer(variables: Variables) -> None:
    settings = Settings.from_environ({**variables, "KAFKA_AUTH": "none"})
    with pytest.raises(BrokerError, match=r"no answer from Kafka at .*KAFKA_AUTH=none"):
        Admin(settings).metadata(1)


def test_a_token_of_botocore_is_accepted(variables: Variables) -> None:
    assert log_in(variables, signed()) == ""


FORGED: list[tuple[dict[str, Any], str]] = [
    ({"expires": 901}, "X-Amz-Expires is 901"),
    ({"expires": 0}, "X-Amz-Expires is 0"),
    ({"action": "kafka-cluster:Read"}, "Action is kafka-cluster:Read"),
    ({"service": "kafka"}, "/us-east-1/kafka/aws4_request, not"),
    ({"region": "eu-west-1"}, "/eu-west-1/kafka-cluster/aws4_request, not"),
    ({"host": "kafka.example.com"}, "host is kafka.example.com"),
    ({"change": lambda url: url.replace("https:", "http:")}, "signed https URL"),
    ({"change": lambda url: f"{url}0"}, "the signature is not"),
    ({"change": lambda url: f"{url}&More=1"}, "the signature is not"),
    ({"change": lambda url: f"{url}&Action=x"}, "Action occurs twice"),
    ({"change": lambda url: url.partition("&X-Amz-Signature=")[0]}, "X-Amz-Signature is missing"),
    ({"change": lambda url: url.replace("X-Amz-Date=2", "X-Amz-Date=x")}, "scope is"),
    ({"change": lambda url: "no url"}, "signed https URL"),
]
"""Arguments of ``signed`` that make an invalid token, and the reason of its refusal."""


def test_a_forged_token_is_refused(variables: Variables) -> None:
    # In parallel, as each refusal takes a moment.
    with ThreadPoolExecutor(len(FORGED)) as pool:
        tokens = [signed(**forgery) for forgery, _ in FORGED]
        reasons = list(pool.map(lambda token: log_in(variables, token), tokens))
    pairs = zip((expected for _, expected in FORGED), reasons, strict=True)
    assert [pair for pair in pairs if pair[0] not in pair[1]] == []


@pytest.mark.parametrize(("minutes", "reason"), [(-16, "expired at"), (10, "in the future")])
def test_a_token_of_another_time_is_refused(
    variables: Variables, minutes: int, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    then = datetime.datetime.now(datetime.UTC) + datetime.timedelta(minutes=minutes)
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda: then)
    assert reason in log_in(variables, signed())


def test_only_their_owners_read_the_files_of_broker_and_clients(variables: Variables) -> None:
    certificate = Path(variables["KAFKA_CA_FILE"])
    assert "PRIVATE KEY" not in certificate.read_text()
    assert certificate.parent.stat().st_mode & 0o077 == 0
    broker = certificate.parents[1] / "kafka"
    for file in ("server.properties", "secure/access_keys", "secure/users", "secure/broker.p12"):
        assert (broker / file).stat().st_mode & 0o077 == 0
    lines = (broker / "secure/users").read_text().splitlines()
    assert {line.partition(":")[0] for line in lines} == {"broker", USER}
