"""MSK, MSK Connect and MWAA as AWS describes them: whether each is up, how it's set, its version.

Each is asked by the service's own reads. Where these can't be called, as the caller lacks the right
or AWS_ENDPOINT_URL leads to something without the service, that is said, and nothing is wrong.
"""

from __future__ import annotations

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
"""Version from which on MSK takes IAM's tokens as OAUTHBEARER, which is how Python logs in."""

Look = Callable[[Account, Path], Iterator[Finding]]


def check(account: Account, root: Path) -> Iterator[Finding]:
    """Look at each service that the settings of the target are about."""
    looks: list[tuple[str, str, str, Look]] = [
        ("MSK", "KAFKA_BOOTSTRAP_SERVERS", "kafka:ListClustersV2", _msk),
        ("MSK Connect", "KAFKA_BOOTSTRAP_SERVERS", "kafkaconnect:ListConnectors", _msk_connect),
        ("MWAA", "AIRFLOW_URL", "airflow:GetEnvironment", _mwaa),
    ]
    for area, variable, how, look in looks:
        if account.has(variable):
            try:
                yield from look(account, root)
            except (BotoCoreError, ClientError) as error:
                yield Finding(area, f"it isn't known how it stands: {how} can't be called: {error}")


def environment_name(user_id: str) -> str:
    """Name of the deployed Airflow."""
    return f"airflow-{user_id}"


def _msk(account: Account, root: Path) -> Iterator[Finding]:
    area, auth = "MSK", account.settings.kafka_auth
    cluster = _cluster(account.client("kafka"), account.settings.kafka_bootstrap_servers)
    if cluster is None:
        what = "no cluster of the account has a broker of KAFKA_BOOTSTRAP_SERVERS"
        # Elsewhere there may be a Kafka of another kind, but not IAM.
        remedy = "correct it, or AWS_REGION" if auth == "iam" else ""
        yield Finding(area, what, remedy)
        return
    name, state = cluster["ClusterName"], cluster["State"]
    if state != "ACTIVE":
        yield Finding(area, f"cluster {name} is {state}", "wait for it, or see it in MSK's console")
    provisioned = cluster.get("Provisioned")
    if not provisioned:  # serverless: IAM alone, and a version that AWS chooses
        taken, version = {"iam"}, ""
    else:
        taken = _logins(provisioned.get("ClientAuthentication", {}))
        version = provisioned["CurrentBrokerSoftwareInfo"]["KafkaVersion"]
    if auth not in taken:
        what = f"cluster {name} takes {', '.join(sorted(taken))}, not {auth}"
        yield Finding(area, what, "correct KAFKA_AUTH, or the cluster's client authentication")
    if version and _numbers(version) < _numbers(OLDEST_KAFKA):
        what = f"cluster {name} has Kafka {version}"
        yield Finding(area, what, f"update it to {OLDEST_KAFKA} or newer")
    told = version or "of a version that AWS chooses"
    yield Finding(area, f"cluster {name} has Kafka {told} (ListClustersV2)")


def _cluster(client: Any, servers: str) -> dict[str, Any] | None:
    """The cluster that one of the brokers is of."""
    wanted = {server.strip() for server in servers.split(",")}
    for page in client.get_paginator("list_clusters_v2").paginate():
        for cluster in page["ClusterInfoList"]:
            if cluster["State"] in ("CREATING", "DELETING", "FAILED"):
                continue  # tells no brokers
            told = client.get_bootstrap_brokers(ClusterArn=cluster["ClusterArn"])
            texts = [text for text in told.values() if isinstance(text, str)]
            if wanted & {broker for text in texts for broker in text.split(",")}:
                return dict(cluster)
    return None


def _logins(told: dict[str, Any]) -> set[str]:
    sasl = told.get("Sasl", {})
    ways = {
        "iam": sasl.get("Iam", {}),
        "scram": sasl.get("Scram", {}),
        "none": told.get("Unauthenticated", {}),
    }
    return {name for name, way in ways.items() if way.get("Enabled")} or {"none"}


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
            told = client.describe_connector(connectorArn=connector["connectorArn"])
            why = told.get("stateDescription", {}).get("message", "")
            what = f"connector {name} is {state}" + (f": {why}" if why else "")
            yield Finding(area, what, "see its log, /user-<id>/msk-connect in CloudWatch")
        elif _numbers(version) < _numbers(CONNECT_VERSION):
            what = f"connector {name} runs on Kafka Connect {version}"
            yield Finding(area, what, f"make it again with {CONNECT_VERSION}")
        else:
            yield Finding(area, f"connector {name} is RUNNING on {version} (ListConnectors)")


def _mwaa(account: Account, root: Path) -> Iterator[Finding]:
    area, name = "MWAA", environment_name(account.settings.user_id)
    client = account.client("mwaa")
    try:
        told = client.get_environment(Name=name)["Environment"]
    except client.exceptions.ResourceNotFoundException:
        yield Finding(area, f"there is no environment {name}", "run `make deploy-aws`")
        return
    status, version, wanted = told["Status"], told["AirflowVersion"], pinned_airflow(root)
    last = told.get("LastUpdate", {})
    if status != "AVAILABLE":
        remedy = "wait for it, or see its log groups in CloudWatch"
        yield Finding(area, f"environment {name} is {status}", remedy)
    if last.get("Status") == "FAILED":
        why = last.get("Error", {}).get("ErrorMessage", "no reason given")
        what = f"the last update of environment {name} has failed: {why}"
        yield Finding(area, what, "correct that, then run `make deploy-aws` again")
    if version != wanted:
        what = f"environment {name} has Airflow {version}, the DAGs are locked for {wanted}"
        yield Finding(area, what, "make the environment with that version, or `make lock`")
    host = urlsplit(account.settings.airflow_url).hostname
    if (url := told.get("WebserverUrl")) and url != host:
        what = f"environment {name} is at {url}, not at {host}"
        yield Finding(area, what, "correct AIRFLOW_URL")
    yield Finding(area, f"environment {name} has Airflow {version} (GetEnvironment)")


def _numbers(version: str) -> tuple[int, ...]:
    """The numbers that a version starts with: of ``3.9.x.kraft`` 3 and 9."""
    found = re.match(r"\d+(\.\d+)*", version)
    return tuple(map(int, found[0].split("."))) if found else ()
