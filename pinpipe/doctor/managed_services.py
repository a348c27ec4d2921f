"""Checks of MSK, MSK Connect and MWAA: state, configuration and version.

The checks call the read operations of each service. If a call fails, because the caller lacks the
permission or AWS_ENDPOINT_URL has no such service, the finding reports that and is no problem.
"""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from botocore.exceptions import BotoCoreError, ClientError

from pinpipe.deploy.msk_connect import CONNECT_VERSION, prefix
from pinpipe.doctor.account import Account
from pinpipe.doctor.finding import Finding
from pinpipe.doctor.workspace import pinned_airflow

OLDEST_KAFKA = "2.7.1"
"""First version whose MSK accepts IAM's tokens as OAUTHBEARER, the login of Python clients."""

Check = Callable[[Account, Path], Iterator[Finding]]


def check(account: Account, root: Path) -> Iterator[Finding]:
    """Check each service that the settings of the target name."""
    checks: list[tuple[str, str, str, Check]] = [
        ("MSK", "KAFKA_BOOTSTRAP_SERVERS", "kafka:ListClustersV2", _msk),
        ("MSK Connect", "KAFKA_BOOTSTRAP_SERVERS", "kafkaconnect:ListConnectors", _msk_connect),
        ("MWAA", "AIRFLOW_URL", "airflow:GetEnvironment", _mwaa),
    ]
    for area, variable, operation, run in checks:
        if account.has(variable):
            try:
                yield from run(account, root)
            except (BotoCoreError, ClientError) as error:
                yield Finding(area, f"its state is unknown: {operation} can't be called: {error}")


def environment_name(user_id: str) -> str:
    """Name of the deployed MWAA environment."""
    return f"airflow-{user_id}"


def _msk(account: Account, root: Path) -> Iterator[Finding]:
    area, auth = "MSK", account.settings.kafka_auth
    cluster = _cluster(account.client("kafka"), account.settings.kafka_bootstrap_servers)
    if cluster is None:
        what = "no cluster of the account has a broker of KAFKA_BOOTSTRAP_SERVERS"
        # Without IAM it may be a Kafka that isn't MSK.
        remedy = "correct it, or AWS_REGION" if auth == "iam" else ""
        yield Finding(area, what, remedy)
        return
    name, state = cluster["ClusterName"], cluster["State"]
    if state != "ACTIVE":
        yield Finding(area, f"cluster {name} is {state}", "wait for it, or look at MSK's console")
    provisioned = cluster.get("Provisioned")
    if not provisioned:  # serverless: IAM only, and a version that AWS chooses
        allowed, version = {"iam"}, ""
    else:
        allowed = _logins(provisioned.get("ClientAuthentication", {}))
        version = provisioned["CurrentBrokerSoftwareInfo"]["KafkaVersion"]
    if auth not in allowed:
        what = f"cluster {name} allows the login {', '.join(sorted(allowed))}, not {auth}"
        yield Finding(area, what, "correct KAFKA_AUTH, or the cluster's client authentication")
    if version and _numbers(version) < _numbers(OLDEST_KAFKA):
        what = f"cluster {name} has Kafka {version}"
        yield Finding(area, what, f"update it to {OLDEST_KAFKA} or newer")
    shown = version or "of a version that AWS chooses"
    yield Finding(area, f"cluster {name} has Kafka {shown} (ListClustersV2)")


def _cluster(client: Any, servers: str) -> dict[str, Any] | None:
    """The cluster that one of the brokers belongs to."""
    brokers = {server.strip() for server in servers.split(",")}
    for page in client.get_paginator("list_clusters_v2").paginate():
        for cluster in page["ClusterInfoList"]:
            if cluster["State"] in ("CREATING", "DELETING", "FAILED"):
                continue  # has no brokers to list
            answer = client.get_bootstrap_brokers(ClusterArn=cluster["ClusterArn"])
            texts = [text for text in answer.values() if isinstance(text, str)]
            if brokers & {broker for text in texts for broker in text.split(",")}:
                return dict(cluster)
    return None


def _logins(authentication: dict[str, Any]) -> set[str]:
    sasl = authentication.get("Sasl", {})
    settings = {
        "iam": sasl.get("Iam", {}),
        "scram": sasl.get("Scram", {}),
        "none": authentication.get("Unauthenticated", {}),
    }
    return {name for name, setting in settings.items() if setting.get("Enabled")} or {"none"}


def _msk_connect(account: Account, root: Path) -> Iterator[Finding]:
    area, begin = "MSK Connect", prefix(account.settings.user_id)
    client = account.client("kafkaconnect")
    pages = client.get_paginator("list_connectors").paginate(connectorNamePrefix=begin)
    found = [connector for page in pages for connector in page["connectors"]]
    if not found:
        yield Finding(area, f"there is no connector {begin}*", "run `make deploy-aws`")
    for connector in found:
        name, state = connector["connectorName"], connector["connectorState"]
        version = connector.get("kafkaConnectVersion", "")
        if state != "RUNNING":
            answer = client.describe_connector(connectorArn=connector["connectorArn"])
            reason = answer.get("stateDescription", {}).get("message", "")
            what = f"connector {name} is {state}" + (f": {reason}" if reason else "")
            yield Finding(area, what, "read its log, /user-<id>/msk-connect in CloudWatch")
        elif _numbers(version) < _numbers(CONNECT_VERSION):
            what = f"connector {name} runs on Kafka Connect {version}"
            yield Finding(area, what, f"create it again with {CONNECT_VERSION}")
        else:
            yield Finding(area, f"connector {name} is RUNNING on {version} (ListConnectors)")


def _mwaa(account: Account, root: Path) -> Iterator[Finding]:
    area, name = "MWAA", environment_name(account.settings.user_id)
    client = account.client("mwaa")
    try:
        environment = client.get_environment(Name=name)["Environment"]
    except client.exceptions.ResourceNotFoundException:
        yield Finding(area, f"there is no environment {name}", "run `make deploy-aws`")
        return
    status, version = environment["Status"], environment["AirflowVersion"]
    wanted, last = pinned_airflow(root), environment.get("LastUpdate", {})
    if status != "AVAILABLE":
        remedy = "wait for it, or read its log groups in CloudWatch"
        yield Finding(area, f"environment {name} is {status}", remedy)
    if last.get("Status") == "FAILED":
        reason = last.get("Error", {}).get("ErrorMessage", "no reason given")
        what = f"the last update of environment {name} has failed: {reason}"
        yield Finding(area, what, "correct the cause, then run `make deploy-aws` again")
    if version != wanted:
        what = f"environment {name} has Airflow {version}, but the DAGs are locked for {wanted}"
        yield Finding(area, what, "create the environment with that version, or `make lock`")
    host = urlsplit(account.settings.airflow_url).hostname
    if (url := environment.get("WebserverUrl")) and url != host:
        what = f"environment {name} is at {url}, not at {host}"
        yield Finding(area, what, "correct AIRFLOW_URL")
    yield Finding(area, f"environment {name} has Airflow {version} (GetEnvironment)")


def _numbers(version: str) -> tuple[int, ...]:
    """The numbers at the start of a version: (3, 9) of ``3.9.x.kraft``."""
    found = re.match(r"\d+(\.\d+)*", version)
    return tuple(map(int, found[0].split("."))) if found else ()
