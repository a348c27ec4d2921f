"""cloudformation/platform.yaml, compared with the contract and the local services."""

import base64
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from contract import names
from contract.settings import Settings
from pinpipe.deploy import addresses
from pinpipe.deploy.msk_connect import CONNECT_VERSION
from tests.support.aws.literal import literal, read

USER_ID = Settings().user_id
VERSIONS = {"SinkPluginVersion": "0123456789ab", "WorkerConfigurationVersion": "ba9876543210"}


@pytest.fixture(scope="module")
def text(root: Path) -> str:
    return (root / "cloudformation/platform.yaml").read_text()


@pytest.fixture(scope="module")
def template(text: str) -> Any:
    return read(text)


@pytest.fixture(scope="module")
def resources(template: Any) -> Any:
    return literal(template, VERSIONS)


@pytest.mark.parametrize("name", ["cloudformation/platform.yaml", "localstack/template.yaml"])
def test_there_is_no_yaml_anchor(root: Path, name: str) -> None:
    """CloudFormation refuses them; PyYAML and cfn-lint don't."""
    events = yaml.parse((root / name).read_text())
    assert [event for event in events if getattr(event, "anchor", None)] == []


def test_cloudformation_takes_it_as_a_text(text: str) -> None:
    """A request carries 51,200 bytes at most; a larger template needs a bucket."""
    assert len(text.encode()) < 51_200


def test_no_role_is_taken_by_another_account(resources: Any) -> None:
    roles = [item["Properties"] for item in resources.values() if item["Type"] == "AWS::IAM::Role"]
    assert len(roles) == 5
    for role in roles:
        for statement in role["AssumeRolePolicyDocument"]["Statement"]:
            assert set(statement["Principal"]) == {"Service"}


def test_names_are_those_of_the_contract(resources: Any) -> None:
    bucket = resources["ArtefactBucket"]["Properties"]
    assert bucket["BucketName"] == names.artefact_bucket(USER_ID)
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    assert resources["Database"]["Properties"]["DBName"] == "pinterest_data"
    allowed = json.dumps(resources["ConnectRole"]["Properties"]["Policies"])
    for name in (
        f"/{USER_ID}.*",
        f"/{names.dead_letter_topic(USER_ID)}",
        f":::{names.bucket(USER_ID)}/{names.TOPICS_DIR}/*",
    ):
        assert f'{name}"' in allowed


def test_the_connector_is_the_one_that_runs_here(resources: Any, built: dict[str, bytes]) -> None:
    connector = resources["SinkConnector"]["Properties"]
    request = json.loads(built["msk-connect/create-connector.json"])
    assert connector["ConnectorConfiguration"] == request["connectorConfiguration"]
    assert connector["KafkaConnectVersion"] == request["kafkaConnectVersion"] == CONNECT_VERSION
    assert connector["KafkaClusterClientAuthentication"] == {"AuthenticationType": "IAM"}


def test_the_names_with_versions_are_those_of_the_requests(
    template: Any, built: dict[str, bytes]
) -> None:
    custom, worker, connector = (
        json.loads(built[f"msk-connect/{name}.json"])
        for name in ("create-custom-plugin", "create-worker-configuration", "create-connector")
    )
    values = {
        "SinkPluginVersion": custom["name"][-12:],
        "WorkerConfigurationVersion": worker["name"][-12:],
    }
    made = literal(template, values)
    properties = made["SinkPlugin"]["Properties"]
    assert properties["Name"] == custom["name"]
    place, wanted = properties["Location"]["S3Location"], custom["location"]["s3Location"]
    assert (place["BucketArn"], place["FileKey"]) == (wanted["bucketArn"], wanted["fileKey"])
    assert made["WorkerConfiguration"]["Properties"]["Name"] == worker["name"]
    assert made["SinkConnector"]["Properties"]["ConnectorName"] == connector["connectorName"]


def test_the_worker_configuration_is_the_file(resources: Any, built: dict[str, bytes]) -> None:
    content = resources["WorkerConfiguration"]["Properties"]["PropertiesFileContent"]
    assert base64.b64decode(content) == built["msk-connect/worker.properties"]


def test_airflow_is_that_of_the_lock_and_its_files_are_in_the_bucket(
    root: Path, template: Any, resources: Any, built: dict[str, bytes]
) -> None:
    airflow = resources["Airflow"]["Properties"]
    lock = (root / "requirements/airflow.txt").read_text()
    assert f"\napache-airflow=={airflow['AirflowVersion']} " in lock
    for key in ("RequirementsS3Path", "PluginsS3Path", "StartupScriptS3Path"):
        assert f"mwaa/{airflow[key]}" in built
    assert any(path.startswith(f"mwaa/{airflow['DagS3Path']}/") for path in built)
    kwargs = json.loads(airflow["AirflowConfigurationOptions"]["secrets.backend_kwargs"])
    asked = re.compile(kwargs["connections_lookup_pattern"])
    assert asked.match("databricks_default")
    assert not asked.match("aws_default")
    secrets = json.dumps(resources["AirflowRole"]["Properties"]["Policies"])
    assert f":secret:{kwargs['connections_prefix']}/*" in secrets
    assert f":environment/{airflow['Name']}" in secrets
    assert f":log-group:airflow-{airflow['Name']}-*" in secrets


def test_the_dags_may_do_what_they_do(root: Path, resources: Any) -> None:
    """The role allows the keys that the plug-ins name, and no others."""
    (dags,) = (
        policy["PolicyDocument"]["Statement"]
        for policy in resources["AirflowRole"]["Properties"]["Policies"]
        if policy["PolicyName"] == "dags"
    )
    alerts = re.search(
        r'ALERTS_PREFIX = "(.*)"', (root / "airflow/plugins/pinterest/names.py").read_text()
    )
    assert alerts
    written = [item["Resource"] for item in dags if item["Action"] == "s3:PutObject"]
    assert written == [f"arn:aws:s3:::{names.bucket(USER_ID)}/{alerts[1]}*"]


def test_only_the_last_part_waits_for_the_brokers(template: Any) -> None:
    waiting = {
        name
        for name, item in template["Resources"].items()
        if item.get("Condition") == "IsSecondPass"
    }
    assert waiting == {"SinkPlugin", "WorkerConfiguration", "SinkConnector", "Airflow"}


def test_nothing_listens_to_the_world(resources: Any) -> None:
    entrances = {
        name: {rule.get("SourcePrefixListId", "a group") for rule in rules}
        for name, item in resources.items()
        if item["Type"] == "AWS::EC2::SecurityGroup"
        and (rules := item["Properties"].get("SecurityGroupIngress"))
    }
    assert entrances == {
        "RestProxySecurityGroup": {"GatewayAddresses"},
        "BrokerSecurityGroup": {"a group"},
        "DatabaseSecurityGroup": {"a group"},
    }
    assert resources["GatewayAddresses"]["Properties"]["MaxEntries"] == addresses.MOST
    assert resources["Database"]["Properties"]["PubliclyAccessible"] is False
    assert resources["KafkaCluster"]["Properties"]["ClientAuthentication"]["Unauthenticated"] == {
        "Enabled": False
    }
