"""One typed settings object, built once at the start of a program.

Nothing else in the project reads the environment. AWS's own variable names
are used where AWS has one (credentials are left to the AWS SDKs, which read
``AWS_ACCESS_KEY_ID`` and the like themselves). Local or cloud is the presence
of ``AWS_ENDPOINT_URL``, never a mode.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar

from contract import names
from contract.errors import SettingError
from contract.secrets import secret, with_password
from contract.values import address as _address
from contract.values import folders as _folders
from contract.values import kafka_auth as _kafka_auth
from contract.values import optional_url as _optional_url
from contract.values import positive as _positive
from contract.values import source_url as _source_url
from contract.values import spark_version as _spark_version
from contract.values import text as _text
from contract.values import url as _url
from contract.values import user_id as _user_id
from contract.values import whole as _whole

T = TypeVar("T")


def _setting(variable: str, default: str, parse: Callable[[str], T], doc: str) -> T:
    """Declare a field that is read from ``variable``; an empty value counts as not set."""
    value: T = field(
        default_factory=lambda: parse(default),
        metadata={"variable": variable, "default": default, "parse": parse, "doc": doc},
    )
    return value


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that differs between a laptop and AWS, in typed form."""

    user_id: str = _setting(
        "USER_ID", "0a1b2c3d4e5f", _user_id, "id that every topic, stream, bucket and table carries"
    )
    source_database_url: str = _setting(
        "SOURCE_DATABASE_URL",
        "sqlite:///.run/data/source/pinterest_data.db",
        _source_url,
        "SQLAlchemy URL of the source database",
    )
    source_database_password_file: str = _setting(
        "SOURCE_DATABASE_PASSWORD_FILE",
        "",
        _text,
        "file with the password that a SOURCE_DATABASE_URL with a user alone lacks",
    )
    dataset_scale: int = _setting(
        "DATASET_SCALE",
        "1",
        _positive,
        "how many times 11,154 posts an empty source database gets",
    )
    dataset_seed: int = _setting(
        "DATASET_SEED", "100", _whole, "seed of the generated source database"
    )
    emulator_journal: str = _setting(
        "EMULATOR_JOURNAL",
        ".run/data/emulator/journal.jsonl",
        _text,
        "file that keeps the emulator's requests and their answers",
    )
    gateway_invoke_url: str = _setting(
        "GATEWAY_INVOKE_URL",
        "http://127.0.0.1:4566/_aws/execute-api/api0a1b2c3d4e5f/dev",
        _url,
        "invoke URL of the REST API's stage",
    )
    gateway_listen: tuple[str, int] = _setting(
        "GATEWAY_LISTEN", "127.0.0.1:4566", _address, "address that LocalStack listens on"
    )
    kinesis_listen: tuple[str, int] = _setting(
        "KINESIS_LISTEN",
        "127.0.0.1:4567",
        _address,
        "address of the Kinesis engine behind LocalStack",
    )
    stage_name: str = _setting("STAGE_NAME", "dev", _text, "stage of the REST API")
    kafka_rest_endpoint: str = _setting(
        "KAFKA_REST_ENDPOINT",
        "http://127.0.0.1:8082",
        _url,
        "Kafka REST proxy, as API Gateway reaches it",
    )
    aws_region: str = _setting("AWS_REGION", "us-east-1", _text, "AWS region")
    aws_endpoint_url: str | None = _setting(
        "AWS_ENDPOINT_URL", "", _optional_url, "endpoint of every AWS service; not set on AWS"
    )
    kafka_bootstrap_servers: str = _setting(
        "KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:9092", _text, "brokers, host:port[,host:port]"
    )
    kafka_auth: str = _setting(
        "KAFKA_AUTH",
        "none",
        _kafka_auth,
        "how clients log in at Kafka: none, scram (user and password over TLS) or iam (AWS keys)",
    )
    kafka_ca_file: str = _setting(
        "KAFKA_CA_FILE",
        "",
        _text,
        "PEM file with the certificates that brokers are trusted by; without one the system's",
    )
    kafka_scram_username: str = _setting(
        "KAFKA_SCRAM_USERNAME", "pinterest", _text, "user of Kafka where KAFKA_AUTH is scram"
    )
    kafka_scram_password: str = _setting(
        "KAFKA_SCRAM_PASSWORD", "", _text, "password of that user; it has no default"
    )
    kafka_scram_password_file: str = _setting(
        "KAFKA_SCRAM_PASSWORD_FILE",
        "",
        _text,
        "file with the password, where KAFKA_SCRAM_PASSWORD isn't set",
    )
    kafka_topic_partitions: int = _setting(
        "KAFKA_TOPIC_PARTITIONS",
        "1",
        _positive,
        "partitions of a topic when it is created; one keeps the posts of an entity in order",
    )
    rest_proxy_url: str = _setting(
        "REST_PROXY_URL", "http://127.0.0.1:8082", _url, "Kafka REST proxy, as its clients see it"
    )
    rest_proxy_listen: tuple[str, int] = _setting(
        "REST_PROXY_LISTEN", "127.0.0.1:8082", _address, "address that the REST proxy listens on"
    )
    rest_proxy_message_timeout_ms: int = _setting(
        "REST_PROXY_MESSAGE_TIMEOUT_MS",
        "30000",
        _positive,
        "milliseconds after which a record that no broker has taken fails, up to a second later;"
        " 25000 lets API Gateway, which waits 29 s, pass the answer on",
    )
    rest_proxy_queue_messages: int = _setting(
        "REST_PROXY_QUEUE_MESSAGES",
        "100000",
        _positive,
        "records that may wait for a broker; more are refused",
    )
    rest_proxy_queue_bytes: int = _setting(
        "REST_PROXY_QUEUE_BYTES",
        "134217728",
        _positive,
        "bytes of request bodies that may wait for a broker; more are refused",
    )
    rest_proxy_body_bytes: int = _setting(
        "REST_PROXY_BODY_BYTES",
        "10485760",
        _positive,
        "bytes of the largest request body; 10 MiB, as API Gateway",
    )
    rest_proxy_consumers: int = _setting(
        "REST_PROXY_CONSUMERS", "64", _positive, "consumer instances that may exist at a time"
    )
    rest_proxy_consumer_timeout_ms: int = _setting(
        "REST_PROXY_CONSUMER_TIMEOUT_MS",
        "300000",
        _positive,
        "milliseconds after which an unused consumer instance is closed",
    )
    jobs_api_url: str = _setting(
        "JOBS_API_URL", "http://127.0.0.1:8085", _url, "Jobs API, as clients and browsers see it"
    )
    jobs_api_listen: tuple[str, int] = _setting(
        "JOBS_API_LISTEN", "127.0.0.1:8085", _address, "address that the Jobs API listens on"
    )
    jobs_api_token: str = _setting(
        "JOBS_API_TOKEN", "", _text, "token that clients of the Jobs API send; it has no default"
    )
    jobs_api_token_file: str = _setting(
        "JOBS_API_TOKEN_FILE", "", _text, "file with the token, where JOBS_API_TOKEN isn't set"
    )
    jobs_api_slots: int = _setting(
        "JOBS_API_SLOTS", "2", _positive, "tasks of the Jobs API that run at a time"
    )
    jobs_api_queue: int = _setting(
        "JOBS_API_QUEUE", "100", _positive, "runs that may wait for their turn; more are refused"
    )
    jobs_api_workspace: tuple[tuple[str, str], ...] = _setting(
        "JOBS_API_WORKSPACE",
        "/Shared/pinterest-data-pipeline=.,/=workspace",
        _folders,
        "folders of the workspace and those that stand for them, /name=folder[,/name=folder]",
    )
    jobs_api_command: str = _setting(
        "JOBS_API_COMMAND", "spark/run.sh", _text, "script that runs a Python module as a Spark job"
    )
    jobs_api_path: str = _setting(
        "JOBS_API_PATH",
        ".build/envs/spark/bin",
        _text,
        "folder put first on PATH of a task: the environment of the jobs",
    )
    jobs_api_runtime: str = _setting(
        "JOBS_API_RUNTIME", "spark.runtime", _text, "module with what Databricks' runtime adds"
    )
    jobs_api_log_bytes: int = _setting(
        "JOBS_API_LOG_BYTES", "5242880", _positive, "bytes of a task's log that are kept, the last"
    )
    jobs_api_idle_seconds: int = _setting(
        "JOBS_API_IDLE_SECONDS",
        "300",
        _whole,
        "seconds that the JVM of a task waits for the next task; with 0 each starts its own",
    )
    cluster_spark_version: str = _setting(
        "CLUSTER_SPARK_VERSION",
        "16.4.x-scala2.12",
        _spark_version,
        "Databricks runtime of the cluster that a task names by its existing_cluster_id",
    )
    jobs_api_keep_runs: int = _setting(
        "JOBS_API_KEEP_RUNS", "500", _positive, "runs that are kept; the oldest go with their logs"
    )
    airflow_url: str = _setting(
        "AIRFLOW_URL", "http://127.0.0.1:8080", _url, "Airflow's API server and UI"
    )
    connect_url: str = _setting(
        "CONNECT_URL", "http://127.0.0.1:8083", _url, "REST API of the Kafka Connect worker"
    )
    s3_sink_flush_size: int = _setting(
        "S3_SINK_FLUSH_SIZE", "1000", _positive, "records of an object of the S3 sink, at most"
    )
    s3_sink_rotate_interval_ms: int = _setting(
        "S3_SINK_ROTATE_INTERVAL_MS",
        "1000",
        _positive,
        "milliseconds that an object of the S3 sink spans, at most",
    )
    delta_root: str = _setting(
        "DELTA_ROOT", "", _text, "URI below which the Delta tables are; by default in the bucket"
    )

    @classmethod
    def from_environ(cls, environ: Mapping[str, str] | None = None) -> Settings:
        """Read every setting from ``environ`` (``os.environ`` by default).

        Raises:
            SettingError: a variable has a value that can't be used.
        """
        source = os.environ if environ is None else environ
        values: dict[str, Any] = {}
        for item in fields(cls):
            variable, default = item.metadata["variable"], item.metadata["default"]
            given = source.get(variable) or default
            try:
                values[item.name] = item.metadata["parse"](given)
            except ValueError as error:
                raise SettingError(variable, given, str(error)) from error
        url, file = values["source_database_url"], values["source_database_password_file"]
        if file:
            password = secret("SOURCE_DATABASE_PASSWORD_FILE", file)
            values["source_database_url"] = with_password(url, password)
        if values["jobs_api_token_file"] and not values["jobs_api_token"]:
            token = secret("JOBS_API_TOKEN_FILE", values["jobs_api_token_file"])
            values["jobs_api_token"] = token
        return cls(**values)

    @property
    def bucket(self) -> str:
        """Bucket of the S3 sink and of the Delta tables."""
        return names.bucket(self.user_id)

    @property
    def batch_root(self) -> str:
        """URI below which the batch road keeps its Delta tables and checkpoints."""
        return f"{self._delta_root}/batch"

    @property
    def streaming_root(self) -> str:
        """URI below which the streaming road keeps its Delta tables."""
        return f"{self._delta_root}/streaming"

    @property
    def _delta_root(self) -> str:
        return self.delta_root.rstrip("/") or f"s3://{self.bucket}/delta"
