"""One typed settings object, built once at the start of a program.

Nothing else in the project reads a setting from the environment. Variables have AWS's own names
where AWS has one; the AWS SDKs read credentials such as ``AWS_ACCESS_KEY_ID`` themselves. Whether
``AWS_ENDPOINT_URL`` is set makes the difference between local and cloud, never a mode.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar

from contract import names, values
from contract.errors import SettingError
from contract.secrets import lacks_password, secret, with_password

T = TypeVar("T")


def _setting(default: str, parse: Callable[[str], T]) -> T:
    """Declare a field that is read from the variable with its name in capital letters.

    An empty value counts as not set.
    """
    value: T = field(
        default_factory=lambda: parse(default), metadata={"default": default, "parse": parse}
    )
    return value


@dataclass(frozen=True, slots=True)
class Settings:
    """All values that differ between a laptop and AWS, typed."""

    user_id: str = _setting("0a1b2c3d4e5f", values.user_id)
    """Id in the name of every topic, stream, bucket and table."""
    source_database_url: str = _setting(
        "sqlite:///.run/data/source/pinterest_data.db", values.source_url
    )
    """SQLAlchemy URL of the source database."""
    source_database_password_file: str = _setting("", str)
    """File with the password, for a SOURCE_DATABASE_URL that has a user without one."""
    dataset_scale: int = _setting("1", values.positive)
    """Size of the generated source database, in multiples of 11,154 posts."""
    dataset_seed: int = _setting("100", values.whole)
    """Seed of the generated source database."""
    emulator_outbox: str = _setting(".run/data/emulator/outbox.db", str)
    """File of the rows that the emulator sends, and of the responses."""
    gateway_invoke_url: str = _setting(
        "http://127.0.0.1:4566/_aws/execute-api/api0a1b2c3d4e5f/dev", values.url
    )
    """Invoke URL of the REST API's stage."""
    gateway_auth: str = _setting("none", values.gateway_auth)
    """What API Gateway demands of a caller: nothing, or a key in the header x-api-key."""
    gateway_api_key: str = _setting("", str)
    """That key; it has no default."""
    gateway_api_key_file: str = _setting("", str)
    """File with the key, if GATEWAY_API_KEY is not set."""
    allowed_hosts: tuple[str, ...] = _setting("", values.hosts)
    """Names, in addition to those of the stack, by which clients may call its HTTP services."""
    gateway_listen: tuple[str, int] = _setting("127.0.0.1:4566", values.address)
    """Address that LocalStack listens on."""
    kinesis_listen: tuple[str, int] = _setting("127.0.0.1:4567", values.address)
    """Address of the Kinesis engine behind LocalStack."""
    stage_name: str = _setting("dev", values.stage_name)
    """Stage of the REST API."""
    kafka_rest_endpoint: str = _setting("http://127.0.0.1:8082", values.url)
    """URL of the Kafka REST proxy for API Gateway."""
    aws_region: str = _setting("us-east-1", values.region)
    """AWS region."""
    aws_endpoint_url: str | None = _setting("", values.optional_url)
    """Endpoint of every AWS service; not set on AWS."""
    kafka_bootstrap_servers: str = _setting("127.0.0.1:9092", str)
    """Brokers, host:port[,host:port]."""
    kafka_auth: str = _setting("none", values.kafka_auth)
    """Login of Kafka clients: none, scram (user and password over TLS) or iam (AWS keys)."""
    kafka_ca_file: str = _setting("", str)
    """PEM file with the CA certificates for brokers; by default the system's."""
    kafka_scram_username: str = _setting("pinterest", str)
    """User of Kafka if KAFKA_AUTH is scram."""
    kafka_scram_password: str = _setting("", str)
    """Password of that user; it has no default."""
    kafka_scram_password_file: str = _setting("", str)
    """File with the password, if KAFKA_SCRAM_PASSWORD is not set."""
    kafka_topic_partitions: int = _setting("1", values.positive)
    """Partitions of a topic when it is created; one keeps the posts of an entity in order."""
    kafka_topics: tuple[str, ...] = _setting("", values.topics)
    """Topics in addition to those of the entities; the S3 sink stores them, too."""
    kinesis_streams: tuple[str, ...] = _setting("", values.streams)
    """Streams in addition to those of the entities."""
    rest_proxy_listen: tuple[str, int] = _setting("127.0.0.1:8082", values.address)
    """Address that the REST proxy listens on."""
    rest_proxy_secret_file: str = _setting("", str)
    """File with the secret that a request to the REST proxy must have; by default it needs none."""
    rest_proxy_message_timeout_ms: int = _setting("30000", values.positive)
    """Milliseconds after which a record that no broker has accepted fails, up to a second later.

    With 25000 the response reaches API Gateway, which waits 29 s.
    """
    rest_proxy_queue_messages: int = _setting("100000", values.up_to(5_000_000))
    """Most records that wait for a broker; the proxy rejects more."""
    rest_proxy_queue_bytes: int = _setting("134217728", values.up_to(10**12))
    """Most bytes of request bodies that wait for a broker; the proxy rejects more."""
    rest_proxy_body_bytes: int = _setting("10485760", values.positive)
    """Bytes of the largest request body; 10 MiB, as for API Gateway."""
    rest_proxy_consumers: int = _setting("64", values.up_to(10_000))
    """Most consumer instances at a time."""
    rest_proxy_consumer_timeout_ms: int = _setting("300000", values.positive)
    """Milliseconds after which an unused consumer instance is closed."""
    databricks_host: str = _setting("http://127.0.0.1:8085", values.url)
    """URL of the Jobs API for clients and browsers."""
    databricks_listen: tuple[str, int] = _setting("127.0.0.1:8085", values.address)
    """Address that the Jobs API listens on."""
    kernel_gateway_listen: tuple[str, int] = _setting("127.0.0.1:8086", values.address)
    """Address that the kernel gateway of the Databricks service listens on."""
    kernel_idle_seconds: int = _setting("3600", values.positive)
    """Seconds after which a kernel of the gateway that has run no cell ends."""
    databricks_token: str = _setting("", values.token)
    """Token that clients of the Jobs API send; it has no default."""
    databricks_token_file: str = _setting("", str)
    """File with the token, if DATABRICKS_TOKEN is not set."""
    databricks_slots: int = _setting("2", values.positive)
    """Most tasks of the Jobs API that run at a time."""
    databricks_queue: int = _setting("100", values.positive)
    """Most runs in the queue; the Jobs API rejects more."""
    databricks_workspace: tuple[tuple[str, str], ...] = _setting(
        "/Shared/pinterest-data-pipeline=.,/=workspace", values.folders
    )
    """Folders of the workspace and the local folders for them, /name=folder[,/name=folder]."""
    databricks_command: str = _setting("spark/run.sh", str)
    """Script that runs a Python module as a Spark job."""
    databricks_path: str = _setting(".build/envs/spark/bin", str)
    """First folder on the PATH of a task: the environment of the jobs."""
    databricks_log_bytes: int = _setting("5242880", values.positive)
    """Most bytes of a task's log; the last ones stay."""
    cluster_spark_version: str = _setting("16.4.x-scala2.12", values.spark_version)
    """Databricks runtime of the all-purpose cluster, for tasks with an existing_cluster_id."""
    cluster_idle_seconds: int = _setting("300", values.whole)
    """Seconds after which a cluster to which no task is attached ends."""
    metastore_url: str = _setting("", str)
    """JDBC URL of the Hive metastore of Spark's tables; empty without a server for it."""
    metastore_folder: str = _setting("", str)
    """Folder of an embedded Derby that is the metastore if METASTORE_URL is empty."""
    metastore_password_file: str = _setting("", str)
    """File with the password of its user ``metastore``."""
    databricks_keep_runs: int = _setting("500", values.positive)
    """Most runs that are stored; older ones are removed with their logs."""
    airflow_url: str = _setting("http://127.0.0.1:8080", values.url)
    """URL of Airflow's API server and UI."""
    connect_url: str = _setting("http://127.0.0.1:8083", values.url)
    """URL of the Kafka Connect worker's REST API."""
    connect_password_file: str = _setting("", str)
    """File with the password of that API's user ``connect``."""
    s3_sink_flush_size: int = _setting("1000", values.positive)
    """Most records in an object of the S3 sink."""
    s3_sink_rotate_interval_ms: int = _setting("1000", values.positive)
    """Longest time span of an object of the S3 sink, in milliseconds."""
    delta_root: str = _setting("", str)
    """URI of the folder of the Delta tables; by default in the bucket."""

    @classmethod
    def from_environ(cls, environ: Mapping[str, str] | None = None, **changed: str) -> Settings:
        """Read every setting from ``environ`` (``os.environ`` by default), except ``changed``.

        Raises:
            SettingError: a variable has a value that cannot be used.
        """
        source = os.environ if environ is None else environ
        found: dict[str, Any] = {}
        for item in fields(cls):
            variable = item.name.upper()
            text = changed.get(item.name, source.get(variable)) or item.metadata["default"]
            try:
                found[item.name] = item.metadata["parse"](text)
            except ValueError as error:
                raise SettingError(variable, text, str(error)) from error
        url, file = found["source_database_url"], found["source_database_password_file"]
        if file and lacks_password(url):
            password = secret("SOURCE_DATABASE_PASSWORD_FILE", file)
            found["source_database_url"] = with_password(url, password)
        if found["databricks_token_file"] and not found["databricks_token"]:
            token = secret("DATABRICKS_TOKEN_FILE", found["databricks_token_file"])
            found["databricks_token"] = token
        file = found["gateway_api_key_file"]
        if found["gateway_auth"] == "api_key" and file and not found["gateway_api_key"]:
            found["gateway_api_key"] = secret("GATEWAY_API_KEY_FILE", file)
        return cls(**found)

    @property
    def bucket(self) -> str:
        """Bucket of the S3 sink and of the Delta tables."""
        return names.bucket(self.user_id)

    @property
    def topics(self) -> tuple[str, ...]:
        """Topics of the entities, then the further ones."""
        return tuple(dict.fromkeys((*names.topics(self.user_id), *self.kafka_topics)))

    @property
    def streams(self) -> tuple[str, ...]:
        """Streams of the entities, then the further ones."""
        return tuple(dict.fromkeys((*names.streams(self.user_id), *self.kinesis_streams)))

    @property
    def batch_root(self) -> str:
        """URI of the folder of the batch pipeline's Delta tables and checkpoints."""
        return f"{self._delta_root}/batch"

    @property
    def streaming_root(self) -> str:
        """URI of the folder of the streaming pipeline's Delta tables."""
        return f"{self._delta_root}/streaming"

    @property
    def _delta_root(self) -> str:
        return self.delta_root.rstrip("/") or f"s3://{self.bucket}/delta"


PARSERS: dict[str, Callable[[str], Any]] = {
    item.name.upper(): item.metadata["parse"] for item in fields(Settings)
}
"""The variable of each setting, and the parser of its value."""
