"""Checks of .env.aws: every needed variable is set, and none is a placeholder or invalid."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from contract.settings import PARSERS
from contract.values import address
from hops.access import KEYS
from pinpipe.deploy.account import PLACEHOLDER
from pinpipe.doctor.finding import Finding


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable of the target, in addition to those of a stack on this machine."""

    name: str
    remedy: str
    """Where its value comes from."""
    needed: bool = True
    secret: bool = False


VARIABLES: tuple[Variable, ...] = (
    Variable("USER_ID", "set the id that the template was deployed with"),
    Variable("AWS_REGION", "set the region of the bucket and of the streams"),
    Variable("AWS_ENDPOINT_URL", "leave it empty on AWS", needed=False),
    Variable("AWS_ACCESS_KEY_ID", "set both keys, or neither for a profile or a role", False),
    Variable(
        "AWS_SECRET_ACCESS_KEY", "set both keys, or neither for a profile or a role", False, True
    ),
    Variable("AWS_SESSION_TOKEN", "set it for temporary keys only", False, True),
    Variable(
        "SOURCE_DATABASE_URL", "set the endpoint of the RDS instance and its reader", True, True
    ),
    Variable("GATEWAY_INVOKE_URL", "take InvokeUrl of the template's outputs"),
    Variable("GATEWAY_AUTH", "set what API Gateway demands: api_key or none", False),
    Variable("GATEWAY_API_KEY", "take the value of the key with ApiKeyId", False, True),
    Variable("KAFKA_BOOTSTRAP_SERVERS", "take them from the MSK cluster's client information"),
    Variable("KAFKA_AUTH", "set the login of MSK's clients: iam, scram or none", False),
    Variable("KAFKA_REST_ENDPOINT", "set the REST proxy's address for API Gateway"),
    Variable("DATABRICKS_HOST", "set the workspace's URL; empty without Databricks", False),
    Variable(
        "DATABRICKS_TOKEN", "create a token of a service principal in the workspace", False, True
    ),
    Variable("AIRFLOW_URL", "set the web server's URL of the MWAA environment", False),
)

LOCALSTACKS_KEYS = {"test"}


def check(environment: Mapping[str, str]) -> Iterator[Finding]:
    """Check every variable without a request to a service."""
    remedies = {variable.name: variable.remedy for variable in VARIABLES}
    needed = {variable.name for variable in VARIABLES if variable.needed}
    secrets = {variable.name for variable in VARIABLES if variable.secret}
    for name in dict.fromkeys([*remedies, *PARSERS]):
        value = environment.get(name, "")
        if not value:
            if name in needed:
                yield Finding(name, "it is not set", remedies[name])
            continue
        left = PLACEHOLDER.search(value)
        if left:
            what = f"it still has the placeholder {left[0]}"
            yield Finding(name, what, remedies.get(name, "set a value, or leave it empty"))
            continue
        try:
            PARSERS.get(name, str)(value)
            if name == "KAFKA_BOOTSTRAP_SERVERS":
                for server in value.split(","):
                    address(server.strip())
        except ValueError as error:
            shown = "it is invalid" if name in secrets else f"it is {value!r}"
            yield Finding(name, f"{shown}: {error}", remedies.get(name, "correct it"))
    yield from _together(environment)


def faulty(findings: list[Finding]) -> frozenset[str]:
    """Variables that ``check`` found a problem with."""
    return frozenset(finding.area for finding in findings if not finding.fine)


def _together(environment: Mapping[str, str]) -> Iterator[Finding]:
    key, secret, _ = (environment.get(name, "") for name in KEYS)
    if bool(key) != bool(secret):
        missing = KEYS[1] if key else KEYS[0]
        yield Finding(missing, "only the other key is set", "set both keys, or neither")
    elif key in LOCALSTACKS_KEYS and not environment.get("AWS_ENDPOINT_URL"):
        what = f"it is {key!r}, which only LocalStack accepts"
        yield Finding(KEYS[0], what, "set both keys, or neither for a profile or a role")
    if environment.get("GATEWAY_AUTH") == "api_key" and not (
        environment.get("GATEWAY_API_KEY") or environment.get("GATEWAY_API_KEY_FILE")
    ):
        remedy = "take the value of the key with ApiKeyId"
        yield Finding("GATEWAY_API_KEY", "it is not set, but GATEWAY_AUTH is api_key", remedy)
    if environment.get("DATABRICKS_HOST") and not environment.get("DATABRICKS_TOKEN"):
        remedy = "create a token of a service principal in the workspace"
        yield Finding("DATABRICKS_TOKEN", "it is not set, but DATABRICKS_HOST is", remedy)
