"""Checks of the hops without an AWS SDK: source database, API Gateway and Kafka."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import requests
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from sqlalchemy import column, create_engine, select, table, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from contract import names, wire
from contract.entities import ENTITIES
from contract.errors import PipelineError
from pinpipe.doctor.account import CONNECT, READ, Account
from pinpipe.doctor.finding import Finding
from services.kafka_client.login import LoginWatch


@dataclass(frozen=True, slots=True)
class Probe:
    """A request to API Gateway that stores nothing."""

    call: str
    """Method and path."""
    media: str
    body: Mapping[str, Any]
    refused: Callable[[requests.Response], bool]
    """Whether the last hop has refused it, as it should."""
    last: str
    remedy: str


MYSQL = 8
"""Oldest major version of MySQL for the source database."""


def source(account: Account) -> Iterator[Finding]:
    """Log in, read one key of each table and the server's version."""
    area, url = "source database", make_url(account.settings.source_database_url)
    server = url.get_backend_name() in ("mysql", "mariadb")
    engine = create_engine(url, connect_args={"connect_timeout": int(CONNECT)} if server else {})
    try:
        with engine.connect() as connection:
            for entity in ENTITIES:
                query: Any = select(column(entity.key)).select_from(table(entity.table)).limit(1)
                if connection.execute(query).first() is None:
                    what = f"table {entity.table} is empty"
                    yield Finding(area, what, "run `pinpipe dataset load` against it")
            yield Finding(area, "its three tables can be read (SELECT of one key)")
            if server:
                version = str(connection.execute(text("select version()")).scalar())
                good = int(version.partition(".")[0]) >= MYSQL
                remedy = "" if good else f"use MySQL {MYSQL} or newer"
                yield Finding(area, f"it is MySQL {version}", remedy)
    except SQLAlchemyError as error:
        reason = str(error).splitlines()[0]
        remedy = "correct user and password in SOURCE_DATABASE_URL, or load the dataset"
        yield Finding(area, f"{url.render_as_string()}: {reason}", remedy)
    finally:
        engine.dispose()


def gateway(account: Account) -> Iterator[Finding]:
    """Send a request without records to each pipeline, which the last hop refuses."""
    settings, entity = account.settings, ENTITIES[0]
    probes = (
        Probe(
            f"POST /topics/{names.topic(settings.user_id, entity)}",
            wire.KAFKA_JSON,
            {},
            lambda answer: answer.status_code == 422,
            "the REST proxy",
            "let API Gateway reach the REST proxy: KAFKA_REST_ENDPOINT, its security group, "
            "REST_PROXY_SECRET_FILE",
        ),
        Probe(
            f"PUT /streams/{names.stream(settings.user_id, entity)}/records",
            wire.JSON,
            {"records": []},
            lambda answer: answer.status_code == 400 and "ValidationException" in answer.text,
            "Kinesis",
            "let the template's role KinesisAccessRole call Kinesis",
        ),
    )
    area, key = "API Gateway", settings.gateway_api_key
    for probe in probes:
        method, _, path = probe.call.partition(" ")
        headers = {"Content-Type": probe.media} | ({wire.API_KEY: key} if key else {})
        try:
            answer = requests.request(
                method,
                settings.gateway_invoke_url + path,
                json=probe.body,
                headers=headers,
                timeout=(CONNECT, READ),
            )
        except requests.RequestException as error:
            yield Finding(area, f"{probe.call}: {error}", "correct GATEWAY_INVOKE_URL")
            continue
        if probe.refused(answer):
            yield Finding(area, f"{probe.call} reaches {probe.last}")
            continue
        remedy = probe.remedy
        if '"Forbidden"' in answer.text:
            remedy = "set GATEWAY_AUTH=api_key, and GATEWAY_API_KEY to the value of ApiKeyId's key"
        elif answer.status_code == 404 or "Missing Authentication Token" in answer.text:
            remedy = "take InvokeUrl, with its stage, of the template's outputs"
        what = f"{probe.call} returns {answer.status_code}: {answer.text[:120]}"
        yield Finding(area, what, remedy)


def kafka(account: Account) -> Iterator[Finding]:
    """Log in at a broker and list the topics, as Kafka has no dry run."""
    area, servers = "Kafka", account.settings.kafka_bootstrap_servers
    # Only the callback receives the reason of a failed login; the call itself times out.
    watch = LoginWatch(account.settings)
    try:
        login = account.access.kafka
    except PipelineError as error:
        yield Finding(area, str(error), f"set what KAFKA_AUTH={account.settings.kafka_auth} needs")
        return
    try:
        client = AdminClient(login | {"error_cb": watch, "log_level": 0})
        topics = client.list_topics(timeout=READ).topics
    except KafkaException as error:
        reason = watch.last_error or error.args[0].str()
        remedy = "correct KAFKA_BOOTSTRAP_SERVERS and how clients log in, or start the cluster"
        yield Finding(area, f"{servers}: {reason}", remedy)
        return
    dead_letters = names.dead_letter_topic(account.settings.user_id)
    missing = {*account.settings.topics, dead_letters} - set(topics)
    for topic in sorted(missing):
        yield Finding(area, f"there is no topic {topic}", "run services/kafka/topics.sh against it")
    if not missing:
        yield Finding(area, "its topics exist (metadata)")
