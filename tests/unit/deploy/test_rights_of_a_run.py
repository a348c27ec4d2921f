"""The roles of a deployment allow the user id of an end-to-end run.

LocalStack enforces no permissions, so `make test-e2e` there would pass without them.
"""

import re
from pathlib import Path
from typing import Any

import pytest

from contract import names
from contract.entities import ENTITIES
from contract.names import END_TO_END
from contract.settings import Settings
from tests.support.aws.literal import ACCOUNT, REGION, literal, read

USER_ID = Settings().user_id
BUCKET = f"arn:aws:s3:::{names.bucket(USER_ID)}"


def topics(user_id: str) -> list[str]:
    """ARNs of the three topics in the deployment's cluster."""
    cluster = f"arn:aws:kafka:{REGION}:{ACCOUNT}:topic/user-{USER_ID}-kafka/0-1"
    return [f"{cluster}/{topic}" for topic in names.topics(user_id)]


def streams(user_id: str) -> list[str]:
    """ARNs of the three streams."""
    account = f"arn:aws:kinesis:{REGION}:{ACCOUNT}"
    return [f"{account}:stream/{names.stream(user_id, entity)}" for entity in ENTITIES]


def objects(user_id: str) -> list[str]:
    """ARNs of an object of each topic."""
    return [f"{BUCKET}/{names.object_key(topic, 0, 0)}" for topic in names.topics(user_id)]


def tables(user_id: str) -> list[str]:
    """ARN of an object of a table."""
    return [f"{BUCKET}/delta/{user_id}/batch/{user_id}_pin_table/_delta_log/0.json"]


NEEDED = [
    ("KinesisAccessRole", "kinesis:PutRecord", streams),
    ("KinesisAccessRole", "kinesis:PutRecords", streams),
    ("RestProxyRole", "kafka-cluster:DescribeTopic", topics),
    ("RestProxyRole", "kafka-cluster:WriteData", topics),
    ("RestProxyRole", "kafka-cluster:DescribeTopicDynamicConfiguration", topics),
    ("ConnectRole", "kafka-cluster:ReadData", topics),
    ("ConnectRole", "s3:GetObject", objects),
    ("ConnectRole", "s3:PutObject", objects),
    ("SparkRole", "kinesis:GetRecords", streams),
    ("SparkRole", "kinesis:ListShards", streams),
    ("SparkRole", "s3:GetObject", objects),
    ("SparkRole", "s3:PutObject", tables),
]


@pytest.fixture(scope="module")
def resources(root: Path) -> dict[str, dict[str, Any]]:
    """The resources of both templates, by the value of EndToEndTests."""
    texts = [
        (root / name).read_text()
        for name in ("localstack/template.yaml", "cloudformation/platform.yaml")
    ]
    return {
        switch: {
            name: item
            for text in texts
            for name, item in literal(read(text), {"EndToEndTests": switch}).items()
        }
        for switch in ("true", "false")
    }


def may(role: Any, action: str, arn: str) -> bool:
    """Whether a policy of a role allows an action on a resource."""
    statements = [
        s for p in role["Properties"]["Policies"] for s in p["PolicyDocument"]["Statement"]
    ]
    return any(
        action in as_list(statement["Action"])
        and any(matches(pattern, arn) for pattern in as_list(statement["Resource"]))
        for statement in statements
    )


def as_list(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]


def matches(pattern: str, arn: str) -> bool:
    """Whether a pattern of IAM, with no wildcard but the star, matches an ARN."""
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), arn) is not None


@pytest.mark.parametrize(("role", "action", "arns"), NEEDED)
def test_a_run_may_do_what_the_deployment_does_and_another_deployment_s_may_not(
    resources: dict[str, dict[str, Any]], role: str, action: str, arns: Any
) -> None:
    def allowed(user_id: str, switch: str) -> set[bool]:
        return {may(resources[switch][role], action, arn) for arn in arns(user_id)}

    run = f"{USER_ID}{END_TO_END}0123abcd"
    assert allowed(USER_ID, "true") == allowed(USER_ID, "false") == allowed(run, "true") == {True}
    if arns in (topics, streams):
        assert allowed(run, "false") == allowed(f"{USER_ID}0", "true") == {False}


def test_the_connector_stores_the_topics_of_a_run() -> None:
    run = f"{USER_ID}{END_TO_END}0123abcd"
    regex = names.topics_regex(USER_ID)
    assert all(re.fullmatch(regex, topic) for topic in names.topics(run))
