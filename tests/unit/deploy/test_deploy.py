"""`make deploy-aws` without AWS: botocore validates each call; wrong settings are refused."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from contract import names
from contract.errors import SettingError
from contract.settings import Settings
from pinpipe.cli import deploy
from pinpipe.deploy import addresses
from pinpipe.deploy.account import without_placeholders
from pinpipe.deploy.archive import version
from pinpipe.deploy.calls import DryCalls
from pinpipe.deploy.deployment import Deployment, stack_names
from pinpipe.deploy.errors import DeployError, PackageError
from pinpipe.engines import engine

API, REST = stack_names(Settings().user_id)


def dry_run(dist: Path, **environ: str) -> list[str]:
    shown: list[str] = []
    Deployment(DryCalls(shown.append), Settings.from_environ(environ), dist).run()
    return shown


@pytest.fixture(scope="module")
def shown(dist: Path) -> list[str]:
    return dry_run(dist)


def test_every_call_is_shown_in_order(shown: list[str], built: dict[str, bytes]) -> None:
    files = sum(path.startswith("mwaa/") for path in built)
    steps = [re.sub(r" \w+=.*| \(.*", "", line) for line in shown]
    create = ["cloudformation DescribeStacks", "cloudformation CreateStack"]
    create += ["waiting for stack_create_complete", "cloudformation DescribeStacks"]
    update = ["cloudformation DescribeStacks", "cloudformation UpdateStack"]
    update += ["waiting for stack_update_complete", "cloudformation DescribeStacks"]
    assert steps == [
        "cloudformation DescribeStacks",
        *create,
        "GET https://ip-ranges.amazonaws.com/ip-ranges.json",
        "ec2 DescribeManagedPrefixLists",
        "ec2 GetManagedPrefixListEntries",
        "ec2 ModifyManagedPrefixList",
        "secretsmanager GetSecretValue",
        *create,
        *["s3 PutObject"] * (1 + files),
        "kafka GetBootstrapBrokers",
        *update,
    ]


def test_the_network_comes_first_and_the_connector_last(shown: list[str]) -> None:
    first, api, last = (line for line in shown if re.search("(Create|Update)Stack", line))
    assert f"StackName={REST} " in first
    assert "KafkaBootstrapServers" not in first
    assert f"StackName={API} " in api
    assert '"http://<RestProxyAddress of ' in api
    assert f"StackName={REST} " in last
    assert '"KafkaBootstrapServers", "ParameterValue": "<Boot' in last


def test_the_template_names_the_uploaded_files(shown: list[str], built: dict[str, bytes]) -> None:
    bucket = names.artefact_bucket(Settings().user_id)
    keys = [match[1] for line in shown if (match := re.search(rf"Bucket={bucket} Key=(\S+)", line))]
    mwaa = {path.removeprefix("mwaa/") for path in built if path.startswith("mwaa/")}
    (plugin,) = set(keys) - mwaa
    assert set(keys) - {plugin} == mwaa
    last = shown[-3]
    for expected in (
        version(built[plugin]),
        version(built["msk-connect/worker.properties"]),
        "<version of requirements.txt>",
        "<version of plugins.zip>",
        "<version of startup.sh>",
    ):
        assert f'"ParameterValue": "{expected}"' in last


def test_the_settings_reach_the_templates(dist: Path) -> None:
    shown = dry_run(
        dist,
        USER_ID="0e36c8cd403d",
        STAGE_NAME="prod",
        KAFKA_REST_ENDPOINT="http://proxy.example.com:8082",
        S3_SINK_FLUSH_SIZE="7",
    )
    text = "\n".join(shown)
    assert "StackName=pinterest-data-pipeline-0e36c8cd403d " in text
    assert "Bucket=user-0e36c8cd403d-artefacts " in text
    for value in ("prod", "http://proxy.example.com:8082", "7"):
        assert f'"ParameterValue": "{value}"' in text


def test_no_value_of_a_secret_is_shown(shown: list[str]) -> None:
    (api,) = (line for line in shown if f"StackName={API} " in line and "CreateStack" in line)
    assert '"ParameterKey": "RestProxySecret", "ParameterValue": "(not shown)"' in api


def test_a_parameter_can_be_changed(dist: Path) -> None:
    shown: list[str] = []
    changed = {"EndToEndTests": "true", "GatewayMethods": "all"}
    Deployment(DryCalls(shown.append), Settings(), dist, changed).run()
    stacks = [line for line in shown if re.search("(Create|Update)Stack ", line)]
    parameter = '"ParameterKey": "{}", "ParameterValue": "{}"'
    assert all(parameter.format("EndToEndTests", "true") in line for line in stacks)
    methods = [parameter.format("GatewayMethods", "all") in line for line in stacks]
    assert methods == [False, True, False]
    with pytest.raises(SettingError, match="Metods is 'all': no template has this parameter"):
        Deployment(DryCalls(shown.append), Settings(), dist, {"Metods": "all"}).run()


def test_the_addresses_of_the_region_are_let_in_and_no_others() -> None:
    def entry(prefix: str, region: str = "us-east-1", service: str = "API_GATEWAY") -> object:
        return {"ip_prefix": prefix, "region": region, "service": service}

    published = {
        "prefixes": [
            *(entry("192.0.2.0/25"), entry("192.0.2.128/25"), entry("198.51.100.0/24")),
            *(entry("203.0.113.0/24", "eu-west-1"), entry("10.0.0.0/8", service="AMAZON")),
        ]
    }
    wanted = addresses.of_gateway(published, "us-east-1")
    assert wanted == ["192.0.2.0/24", "198.51.100.0/24"]
    with pytest.raises(DeployError, match="has 0 ranges of API Gateway in eu-west-2"):
        addresses.of_gateway(published, "eu-west-2")
    crowd = {"prefixes": [entry(f"10.{2 * n}.0.0/16") for n in range(addresses.MOST + 1)]}
    with pytest.raises(DeployError, match="has 51 ranges"):
        addresses.of_gateway(crowd, "us-east-1")
    shown: list[str] = []
    addresses.update(DryCalls(shown.append), "pl-1", wanted)
    assert shown[-1] == (
        "ec2 ModifyManagedPrefixList PrefixListId=pl-1 CurrentVersion=1 "
        'AddEntries=[{"Cidr": "192.0.2.0/24"}, {"Cidr": "198.51.100.0/24"}]'
    )


@pytest.mark.parametrize("address", ["http://localhost:8082", "http://127.0.0.1:18082"])
def test_a_proxy_that_aws_cannot_reach_is_refused(dist: Path, address: str) -> None:
    with pytest.raises(SettingError, match=rf"KAFKA_REST_ENDPOINT is '{address}'"):
        dry_run(dist, KAFKA_REST_ENDPOINT=address)


@pytest.mark.parametrize(
    ("variable", "name"),
    [("KAFKA_TOPICS", "other.pin"), ("KINESIS_STREAMS", "all-posts")],
)
def test_a_topic_or_stream_that_the_roles_do_not_allow_is_refused(
    dist: Path, variable: str, name: str
) -> None:
    with pytest.raises(SettingError, match=f"{variable} is '{name}': .* names that begin with"):
        dry_run(dist, **{variable: name})
    user_id = Settings().user_id
    dry_run(dist, KAFKA_TOPICS=f"{user_id}.all", KINESIS_STREAMS=f"streaming-{user_id}-all")


def test_without_a_package_the_error_names_the_command_for_one(tmp_path: Path) -> None:
    with pytest.raises(PackageError, match="run `make package`"):
        dry_run(tmp_path)


@pytest.mark.parametrize(
    ("service", "operation", "parameters", "message"),
    [
        ("s3", "PutObject", {"Bucket": "b"}, 'Missing required parameter in input: "Key"'),
        ("kafka", "GetBootstrapBrokers", {"Cluster": "c"}, "Cluster"),
        ("cloudformation", "MakeStack", {}, "MakeStack"),
        ("cloudforming", "CreateStack", {}, "cloudforming"),
    ],
)
def test_an_unknown_call_is_refused(
    service: str, operation: str, parameters: dict[str, str], message: str
) -> None:
    shown: list[str] = []
    with pytest.raises(DeployError, match=message):
        DryCalls(shown.append).call(service, operation, parameters, {})
    assert shown == []


def test_an_unknown_waiter_is_refused() -> None:
    with pytest.raises(DeployError, match="stack_complete"):
        DryCalls(print).wait("cloudformation", "stack_complete", {}, 1)


def test_a_dry_run_sends_no_request(tmp_path: Path, root: Path) -> None:
    """It has no credentials, and nothing listens on its address of AWS."""
    if not (root / "dist/cloudformation").is_dir():
        subprocess.run([sys.executable, "-m", "pinpipe.cli", "package"], cwd=root, check=True)
    done = subprocess.run(
        [sys.executable, "-m", "pinpipe.cli", "deploy", "--dry-run"],
        cwd=root,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
            "AWS_EC2_METADATA_DISABLED": "true",
        },
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("cloudformation CreateStack") == 2


def test_without_settings_nothing_is_deployed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "project_root", lambda: tmp_path)
    done = CliRunner().invoke(deploy)
    assert isinstance(done.exception, DeployError)
    assert "there is no .env.aws" in str(done.exception)


def test_a_placeholder_counts_as_not_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dist: Path
) -> None:
    """Before the first deployment, whose outputs have the addresses, most are placeholders."""
    (tmp_path / ".env.aws").write_text(
        "USER_ID=0e36c8cd403d\nAWS_REGION=eu-west-1\nKAFKA_REST_ENDPOINT=http://<host>:8082\n"
        "GATEWAY_INVOKE_URL=https://<api id>.execute-api.<region>.amazonaws.com/dev\n"
    )
    (tmp_path / "dist").symlink_to(dist)
    monkeypatch.setattr(engine, "project_root", lambda: tmp_path)
    done = CliRunner().invoke(deploy, ["--dry-run"])
    assert done.exit_code == 0, done.output
    assert "Bucket=user-0e36c8cd403d-artefacts" in done.output
    assert '"http://<RestProxyAddress of ' in done.output
    assert "<host>" not in done.output


def test_the_api_demands_a_key_unless_a_setting_opens_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dist: Path
) -> None:
    (tmp_path / "dist").symlink_to(dist)
    monkeypatch.setattr(engine, "project_root", lambda: tmp_path)

    def run(*options: str, **environ: str) -> str:
        done = CliRunner().invoke(deploy, ["--dry-run", *options], env=environ)
        return done.output

    parameter = '"ParameterKey": "{}", "ParameterValue": "{}"'
    assert parameter.format("GatewayAuth", "api_key") in run()
    assert parameter.format("GatewayAuth", "none") in run(GATEWAY_AUTH="none")
    assert parameter.format("GatewayRate", "9") in run("--parameter", "GatewayRate=9")
    assert "'GatewayRate' is not NAME=VALUE" in run("--parameter", "GatewayRate")


@pytest.mark.parametrize("name", ["USER_ID", "AWS_REGION"])
def test_the_account_must_be_filled_in(name: str) -> None:
    with pytest.raises(SettingError, match=f"{name} is '<.*>': fill it in"):
        without_placeholders({"USER_ID": "0e36c8cd403d", "AWS_REGION": "eu-west-1", name: "<it>"})
