"""``pinpipe doctor --target aws``: every look at the target, in the order in which they depend."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from stack.cloud import aws, managed, reach, road, variables, workspace
from stack.cloud.account import Account
from stack.cloud.finding import Finding


def examine(environment: Mapping[str, str], root: Path) -> Iterator[Finding]:
    """Look at variables, addresses, credentials, permissions and versions.

    What can't be asked, as a variable is faulty or an address can't be reached, isn't: each problem
    is told once.

    Args:
        environment: the variables of the target.
        root: the folder with docker-compose.yml, whose pins are held against the target's versions.
    """
    findings = list(variables.check(environment))
    yield from findings
    account = Account(environment, variables.faulty(findings))
    yield Finding("variables", f"{len(variables.VARIABLES)} were looked at")

    reached: set[str] = set()
    away: set[str] = set()
    for finding in reach.check(account):
        (reached if finding.fine else away).add(finding.area)
        yield finding

    if "sts" in reached:
        found, arn = aws.credentials(account)
        yield found
        if arn and account.has("USER_ID") and {"s3", "kinesis"} <= reached:
            yield from aws.permissions(account, arn)
            yield from managed.check(account, root)
    if account.has("SOURCE_DATABASE_URL") and "source database" not in away:
        yield from road.source(account)
    if "API Gateway" in reached:
        yield from road.gateway(account)
    if "Kafka" in reached and account.has("USER_ID"):  # one broker is enough
        yield from road.kafka(account)
    if "Databricks" in reached and account.has("JOBS_API_TOKEN"):
        yield from workspace.databricks(account, root)
    if "Airflow" in reached:
        yield from workspace.airflow(account, root)
