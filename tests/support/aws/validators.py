"""What vendors bring to check what is built for them: each returns its findings."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore.session
from botocore.validate import ParamValidator
from cfnlint.api import ManualArgs, lint
from cfnlint.rules import RulesCollection
from cloudsplaining.scan.policy_document import PolicyDocument
from policy_sentry.querying.actions import get_action_data
from policy_sentry.util.arns import ARN

from tests.support.aws.literal import literal, read
from tests.support.aws.rules import RULES

OPENED = {"EndToEndTests": "true", "GatewayMethods": "all"}
"""Parameters with which the roles have most rights."""
HERE = Path(__file__).parent


def names_of(file: str) -> list[str]:
    """Lines of a list in the folder of this module."""
    lines = (HERE / file).read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def cfn_lint(template: str) -> list[str]:
    """Findings of AWS's linter of CloudFormation templates, of its resource schemas among it."""
    found = lint(template, config=ManualArgs(regions=["us-east-1"]))
    return [f"{match.rule.id} {match.message}" for match in found]


def own_rules(template: str) -> list[str]:
    """Findings of cfn-lint with the rules of this project."""
    rules = RulesCollection()
    rules.extend([rule() for rule in RULES])
    return [f"{match.rule.id} {match.message}" for match in lint(template, rules=rules)]


def policies(template: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Name and document of every policy that a template gives to a role, with all that it opens."""
    for name, resource in literal(read(template), OPENED).items():
        if resource["Type"] == "AWS::IAM::Role":
            for policy in resource["Properties"].get("Policies", ()):
                yield f"{name}.{policy['PolicyName']}", policy["PolicyDocument"]


def cloudsplaining(template: str) -> list[str]:
    """Findings of Salesforce's linter of IAM policies: more than the least that is needed."""
    found = []
    for name, document in policies(template):
        scanned = PolicyDocument(document)
        risks = {
            "privilege escalation": scanned.allows_privilege_escalation,
            "data exfiltration": scanned.allows_data_exfiltration_actions,
            "credentials exposure": scanned.credentials_exposure,
            "whole service": scanned.service_wildcard,
            "permissions management": scanned.permissions_management_without_constraints,
            "writes without constraint": scanned.write_actions_without_constraints,
            "infrastructure modification": scanned.infrastructure_modification,
        }
        found += [f"{name}: {risk}: {actions}" for risk, actions in risks.items() if actions]
    return found


def policy_sentry(template: str) -> list[str]:
    """Actions that AWS's reference doesn't know, or that no resource of their statement fits."""
    found = []
    for name, document in policies(template):
        for statement in document["Statement"]:
            if "NotResource" in statement:
                continue
            for action in _list(statement["Action"]):
                finding = _finding(action, _list(statement["Resource"]))
                found += [f"{name}: {finding}"] if finding else []
    return found


def _finding(action: str, resources: list[str]) -> str | None:
    service, _, verb = action.partition(":")
    if "*" in verb:
        return f"{action} is more than one action"
    known = get_action_data(service, verb)
    if not known:
        return f"{action} is no action"
    formats = {item["resource_arn_format"] for item in known[service]} - {"*"}
    if resources == ["*"]:
        return f"{action} can be limited to {sorted(formats)}" if formats else None
    if not any(ARN(item).same_resource_type(pattern) for item in resources for pattern in formats):
        return f"{action} is of {sorted(formats)}, not of {resources}"
    return None


def _list(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


def botocore_model(service: str, operation: str, request: bytes) -> list[str]:
    """Findings of AWS's own model of an operation."""
    model = botocore.session.get_session().get_service_model(service).operation_model(operation)
    report = ParamValidator().validate(json.loads(request), model.input_shape)
    findings = [report.generate_report()] if report.has_errors() else []
    return findings + _not_in_enum("", json.loads(request), model.input_shape)


def _not_in_enum(path: str, value: Any, shape: Any) -> list[str]:
    """botocore leaves values to the service; its model has them all the same."""
    if shape.type_name == "structure" and isinstance(value, dict):
        return [
            finding
            for name, part in value.items()
            if name in shape.members
            for finding in _not_in_enum(f"{path}.{name}", part, shape.members[name])
        ]
    if shape.type_name == "list" and isinstance(value, list):
        return [finding for part in value for finding in _not_in_enum(path, part, shape.member)]
    wanted = getattr(shape, "enum", None)
    return [f"{path}: {value!r} is not one of {wanted}"] if wanted and value not in wanted else []


def documented(configuration: bytes, file: str) -> list[str]:
    """Properties of a connector that are not in the list of documented ones."""
    names = names_of(file)
    prefixes = tuple(name for name in names if name.endswith("."))
    return [
        f"{name} is not documented"
        for name in json.loads(configuration)
        if name not in names and not name.startswith(prefixes)
    ]


def worker_properties(content: bytes) -> list[str]:
    """What MSK Connect refuses in a worker configuration."""
    lines = [line for line in content.decode().splitlines() if line and not line.startswith("#")]
    given = dict(line.split("=", 1) for line in lines)
    refused = tuple(names_of("msk_connect_worker_properties.txt"))
    found = [f"{name} is MSK Connect's own" for name in given if name.startswith(refused)]
    needed = {"key.converter", "value.converter"}
    return found + [f"{name} is missing" for name in sorted(needed - set(given))]
