"""``pinpipe doctor --target aws``: all checks of the target, in the order of their dependencies."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from pinpipe.doctor import hops, managed_services, permissions, reachability, variables, workspace
from pinpipe.doctor.account import Account
from pinpipe.doctor.finding import Finding


def examine(environment: Mapping[str, str], root: Path) -> Iterator[Finding]:
    """Check variables, addresses, credentials, permissions and versions.

    A check whose variable is faulty or whose address can't be reached is skipped, so that each
    problem is reported once.

    Args:
        environment: the variables of the target.
        root: the folder with docker-compose.yml, whose pinned versions the target is compared with.
    """
    findings = list(variables.check(environment))
    yield from findings
    account = Account(environment, variables.faulty(findings))
    yield Finding("variables", f"{len(variables.VARIABLES)} were checked")

    reached: set[str] = set()
    unreachable: set[str] = set()
    for finding in reachability.check(account):
        (reached if finding.fine else unreachable).add(finding.area)
        yield finding

    if "sts" in reached:
        found, arn = permissions.credentials(account)
        yield found
        if arn and account.has("USER_ID") and {"s3", "kinesis"} <= reached:
            yield from permissions.permissions(account, arn)
            yield from managed_services.check(account, root)
    if account.has("SOURCE_DATABASE_URL") and "source database" not in unreachable:
        yield from hops.source(account)
    if "API Gateway" in reached:
        yield from hops.gateway(account)
    if "Kafka" in reached and account.has("USER_ID"):  # one broker is enough
        yield from hops.kafka(account)
    if "Databricks" in reached and account.has("DATABRICKS_TOKEN"):
        yield from workspace.databricks(account, root)
    if "Airflow" in reached:
        yield from workspace.airflow(account, root)
