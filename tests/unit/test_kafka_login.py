"""The login settings of Kafka's clients: Python's, Java's, and with `pinpipe up --secure`."""

import base64
import os
import re
import subprocess
import time
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml
from confluent_kafka import KafkaError

from contract.errors import SettingError
from contract.settings import Settings
from hops.access import Access
from pinpipe.engines import compose, engine
from pinpipe.engines.processes import Processes
from pinpipe.errors import StackError
from services.connect.login import CLIENTS, lines
from services.kafka_client.login import LoginError, LoginWatch, client_settings, java_settings
from tests.support import ROOT

SERVERS = "b-1:9098,b-2:9098"
KEYS = {"AWS_ACCESS_KEY_ID": "AKIAONE", "AWS_SECRET_ACCESS_KEY": "secret"}


def settings(auth: str, **more: str) -> Settings:
    return Settings.from_environ({"KAFKA_BOOTSTRAP_SERVERS": SERVERS, "KAFKA_AUTH": auth, **more})


def test_nobody_logs_in_by_default() -> None:
    assert client_settings(Settings()) == {"bootstrap.servers": "127.0.0.1:9092"}
    assert java_settings(Settings()) == {}
    assert lines(Settings()) == []


def test_scram() -> None:
    known = settings("scram", KAFKA_SCRAM_USERNAME="a", KAFKA_SCRAM_PASSWORD='p"\\')
    assert client_settings(known) == {
        "bootstrap.servers": SERVERS,
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": "a",
        "sasl.password": 'p"\\',
    }
    module = "org.apache.kafka.common.security.scram.ScramLoginModule required"
    assert java_settings(known) == {
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.jaas.config": rf'{module} username="a" password="p\"\\";',
    }


def test_iam_signs_a_token_of_the_region() -> None:
    found = client_settings(settings("iam", AWS_REGION="eu-west-1"), KEYS)
    sign = found.pop("oauth_cb")
    assert found == {
        "bootstrap.servers": SERVERS,
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "OAUTHBEARER",
    }
    token, expires = sign("")
    assert 800 < expires - time.time() <= 900
    url = urlsplit(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode())
    query = parse_qs(url.query)
    assert url.hostname == "kafka.eu-west-1.amazonaws.com"
    assert query["Action"] == ["kafka-cluster:Connect"]
    assert re.fullmatch(
        r"AKIAONE/\d{8}/eu-west-1/kafka-cluster/aws4_request", query["X-Amz-Credential"][0]
    )


def test_iam_without_keys_fails_at_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in (*KEYS, "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    with pytest.raises(LoginError, match="needs AWS keys"):
        client_settings(settings("iam"))


@pytest.mark.parametrize("auth", ["scram", "iam"])
def test_the_brokers_certificate_is_read_from_a_file(tmp_path: Path, auth: str) -> None:
    file = tmp_path / "ca.pem"
    known = settings(auth, KAFKA_CA_FILE=str(file), KAFKA_SCRAM_PASSWORD="p")
    for make in (lambda s: client_settings(s, KEYS), java_settings):
        with pytest.raises(SettingError, match=r"KAFKA_CA_FILE.*ca\.pem"):
            make(known)
    file.touch()
    assert client_settings(known, KEYS)["ssl.ca.location"] == str(file)
    assert java_settings(known)["ssl.truststore.location"] == str(file)


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"KAFKA_AUTH": "plain"}, r"KAFKA_AUTH is 'plain': it must be none, scram or iam"),
        ({"KAFKA_AUTH": "scram"}, r"KAFKA_SCRAM_PASSWORD is not set"),
        (
            {"KAFKA_AUTH": "scram", "KAFKA_SCRAM_PASSWORD_FILE": "/none/here"},
            r"KAFKA_SCRAM_PASSWORD_FILE.*/none/here",
        ),
    ],
)
def test_a_wrong_setting_is_named(variables: dict[str, str], message: str) -> None:
    for make in (client_settings, java_settings):
        with pytest.raises(SettingError, match=message):
            make(Settings.from_environ(variables))


def test_the_password_is_read_from_its_file(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("kept\n")
    known = settings("scram", KAFKA_SCRAM_PASSWORD_FILE=str(file))
    assert client_settings(known)["sasl.password"] == "kept"
    assert 'password="kept"' in java_settings(known)["sasl.jaas.config"]
    given = settings("scram", KAFKA_SCRAM_PASSWORD_FILE=str(file), KAFKA_SCRAM_PASSWORD="given")
    assert client_settings(given)["sasl.password"] == "given"


def test_each_client_of_a_worker_logs_in() -> None:
    found = lines(settings("iam"))
    for client in CLIENTS:
        assert f"{client}sasl.mechanism=OAUTHBEARER" in found
    assert len(found) == 4 * len(java_settings(settings("iam")))
    scram = lines(settings("scram", KAFKA_SCRAM_PASSWORD="a\\b"))
    assert "admin.sasl.jaas.config" in scram[-1]
    assert r'password="a\\\\b";' in scram[-1]  # JAAS' escape, and that of a properties file


@pytest.mark.parametrize(
    ("code", "refused"),
    [
        (KafkaError._AUTHENTICATION, True),
        (KafkaError._SSL, True),
        (KafkaError.SASL_AUTHENTICATION_FAILED, True),
        (KafkaError._TRANSPORT, False),
        (KafkaError._ALL_BROKERS_DOWN, False),
    ],
)
def test_a_refusal_is_kept_until_a_broker_answers(code: int, refused: bool) -> None:
    seen = []
    watch = LoginWatch(settings("iam"), seen.append)
    error = KafkaError(code, "the reason")
    watch(error)
    assert (watch.refused is not None) == refused
    assert seen == [error]
    if watch.refused is not None:
        assert str(watch.refused).startswith(f"no login at Kafka, {SERVERS} (KAFKA_AUTH=iam): ")
        assert "the reason" in str(watch.refused)
    watch.clear_refusal()
    assert watch.refused is None


def test_the_reason_stays_when_all_brokers_are_down() -> None:
    watch = LoginWatch(settings("none"))
    watch(KafkaError(KafkaError._ALL_BROKERS_DOWN, "all are down"))
    assert watch.last_error == "all are down"
    watch(KafkaError(KafkaError._TRANSPORT, "Connection refused"))
    watch(KafkaError(KafkaError._ALL_BROKERS_DOWN, "all are down"))
    assert watch.last_error == "Connection refused"


@pytest.mark.parametrize("native", [True, False])
def test_every_kafka_client_gets_the_login_settings(native: bool) -> None:
    loaded = compose.load(ROOT, {"KAFKA_AUTH": "scram", "RUN_DIR": "here"}, native=native)
    services = {
        name: service.environment
        for name, service in loaded.services.items()
        if "KAFKA_BOOTSTRAP_SERVERS" in service.environment
    }
    assert set(services) >= {"topics", "rest-proxy", "connect", "connector"}
    for environment in (*services.values(), loaded.client):
        assert environment["KAFKA_AUTH"] == "scram"
        folder = "here" if native else ".run"
        assert environment["KAFKA_CA_FILE"] == f"{folder}/data/kafka_client/ca.pem"
        assert environment["AWS_ACCESS_KEY_ID"] == "test"
    assert loaded.service("kafka").environment["KAFKA_AUTH"] == "scram"


def test_every_container_that_logs_in_mounts_the_login_files_read_only() -> None:
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    mounts = {
        name: [volume for volume in service["volumes"] if volume.startswith("kafka-client:")]
        for name, service in services.items()
        if "KAFKA_CA_FILE" in service.get("environment", {})
    }
    assert set(mounts) >= {"topics", "rest-proxy", "connect", "connector"}
    expected = ["kafka-client:/app/.run/data/kafka_client:ro"]
    assert {name: volumes for name, volumes in mounts.items() if volumes != expected} == {}


def test_a_client_on_this_machine_logs_in_with_the_keys_of_the_stack() -> None:
    access = Access({"KAFKA_BOOTSTRAP_SERVERS": SERVERS, "KAFKA_AUTH": "iam", **KEYS})
    token, _ = access.kafka["oauth_cb"]("")
    assert b"AKIAONE" in base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))


def test_secure_stays_until_it_is_switched_off_and_is_refused_to_a_running_stack(
    tmp_path: Path,
) -> None:
    given = {**os.environ, "RUN_DIR": str(tmp_path), "ENGINE": "native", "KAFKA_AUTH": "none"}

    def auth(**changed: str) -> str:
        chosen = engine.choose(lambda _: None, given | changed)
        return chosen.client_environment["KAFKA_AUTH"]

    process = Processes(tmp_path).spawn("kafka", ["sleep", "60"], dict(os.environ), tmp_path)
    try:
        with pytest.raises(StackError, match="pinpipe down"):
            engine.secure(lambda _: None, given)
        assert auth() == "none"
    finally:
        engine.choose(lambda _: None, given).down()
        process.wait(10)
    secure = engine.secure(lambda _: None, given)
    assert secure.client_environment["KAFKA_AUTH"] == "iam"
    assert (auth(), auth(KAFKA_AUTH="scram")) == ("iam", "scram")
    engine.leave_logins(given)
    assert auth() == "none"


@pytest.mark.parametrize("variable", ["KAFKA_SCRAM_USERNAME", "KAFKA_SCRAM_PASSWORD"])
def test_a_line_break_adds_no_user_to_the_broker(variable: str, tmp_path: Path) -> None:
    script = (
        f'source services/kafka/secure.sh; make_secrets "{tmp_path}/s" "{tmp_path}/c" localhost'
    )
    keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "KAFKA_AUTH": "scram"}
    done = subprocess.run(
        ["bash", "-euc", script],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **keys, variable: "s3cret\nadmin"},
        capture_output=True,
        text=True,
        timeout=10,
    )
    assert done.returncode != 0
    assert "has a line break or another control character" in done.stderr
    assert "s3cret" not in done.stderr
    assert not (tmp_path / "s").exists()
