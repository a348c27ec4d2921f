"""Rules of our own for cfn-lint: what the templates must have so that only the pipeline gets in."""

import re
from collections.abc import Iterator
from typing import Any, ClassVar

from cfnlint.rules import CloudFormationLintRule, RuleMatch
from cfnlint.template import Template

Path = list[str | int]
Fault = tuple[Path, str]

NO_SOURCE_ACCOUNT = {"ec2.amazonaws.com"}
"""Services that assume a role without the key aws:SourceAccount; iam:PassRole limits these."""
PIPELINE = {
    ("/topics/{topic-name}", "post"),
    ("/streams/{stream-name}/record", "put"),
    ("/streams/{stream-name}/records", "put"),
}
"""Methods of the REST API that the emulator calls."""


class Rule(CloudFormationLintRule):  # type: ignore[misc]
    """A rule that yields the path and the message of each fault."""

    tags: ClassVar[list[str]] = ["pipeline"]

    def match(self, cfn: Template) -> list[RuleMatch]:
        """The faults in the form of cfn-lint."""
        return [RuleMatch(path, message) for path, message in self.faults(cfn)]

    def faults(self, cfn: Template) -> Iterator[Fault]:
        """Path and message of each fault."""
        raise NotImplementedError


def properties(cfn: Template, kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Name and properties of each resource of a type."""
    for name, resource in cfn.get_resources([kind]).items():
        yield name, resource.get("Properties", {})


def at(name: str, *keys: str) -> Path:
    """Path of a property of a resource."""
    return ["Resources", name, "Properties", *keys]


def as_list(value: Any) -> list[Any]:
    """A value of a policy that may be one or several."""
    return value if isinstance(value, list) else [value]


def conditional(value: Any) -> tuple[str, Any, Any] | None:
    """Condition, first and second value of an ``Fn::If``."""
    found = value.get("Fn::If") if isinstance(value, dict) else None
    return tuple(found) if found else None


def operations(cfn: Template) -> Iterator[tuple[Path, str, str, bool, dict[str, Any]]]:
    """Path in the template, path, method, whether it is opened by a condition, and definition."""
    for name, api in properties(cfn, "AWS::ApiGateway::RestApi"):
        where = at(name, "Body", "paths")
        for path, item in api["Body"]["paths"].items():
            branches = [(False, item)]
            if found := conditional(item):
                condition, yes, no = found
                branches = [(condition == "HasAllMethods", yes), (False, no)]
            for opened, methods in branches:
                for method, definition in methods.items():
                    if method != "Ref":
                        yield [*where, path], path, method, opened, definition


class SourceAccount(Rule):
    """Another account must not make a service of AWS act with our roles."""

    id = "E9001"
    shortdesc = description = "A service assumes a role for this account only"

    def faults(self, cfn: Template) -> Iterator[Fault]:
        for name, role in properties(cfn, "AWS::IAM::Role"):
            for statement in role["AssumeRolePolicyDocument"]["Statement"]:
                services = set(as_list(statement["Principal"].get("Service", [])))
                given = statement.get("Condition", {}).get("StringEquals", {})
                account = {"Ref": "AWS::AccountId"}
                if services - NO_SOURCE_ACCOUNT and given.get("aws:SourceAccount") != account:
                    yield (
                        at(name, "AssumeRolePolicyDocument"),
                        f"{name} has no condition aws:SourceAccount",
                    )


class OnlyTls(Rule):
    """Objects must not be read or written in the clear."""

    id = "E9002"
    shortdesc = description = "A bucket refuses requests without TLS"

    def faults(self, cfn: Template) -> Iterator[Fault]:
        closed = {
            policy["Bucket"]["Ref"]
            for _, policy in properties(cfn, "AWS::S3::BucketPolicy")
            for statement in policy["PolicyDocument"]["Statement"]
            if statement["Effect"] == "Deny"
            and (statement["Principal"], statement["Action"]) == ("*", "s3:*")
            and statement.get("Condition") == {"Bool": {"aws:SecureTransport": "false"}}
            and len(statement["Resource"]) == 2  # the bucket and its objects
        }
        for name, _ in properties(cfn, "AWS::S3::Bucket"):
            if name not in closed:
                yield ["Resources", name], f"{name} accepts requests without TLS"


class Database(Rule):
    """Nobody deletes the source database by mistake, or logs in to it in the clear."""

    id = "E9003"
    shortdesc = description = "A database has deletion protection, and accepts TLS only"

    def faults(self, cfn: Template) -> Iterator[Fault]:
        groups = dict(properties(cfn, "AWS::RDS::DBParameterGroup"))
        for name, database in properties(cfn, "AWS::RDS::DBInstance"):
            if database.get("DeletionProtection") is not True:
                yield ["Resources", name], f"{name} has no deletion protection"
            group = groups.get(database.get("DBParameterGroupName", {}).get("Ref"), {})
            if group.get("Parameters", {}).get("require_secure_transport") != "ON":
                yield ["Resources", name], f"{name} accepts connections without TLS"


class Copies(Rule):
    """An acknowledged record outlives a broker, and a restart of one refuses no record."""

    id = "E9004"
    shortdesc = description = "Two copies at least are acknowledged, and fewer than there are"

    def faults(self, cfn: Template) -> Iterator[Fault]:
        brokers = [
            cluster["NumberOfBrokerNodes"] for _, cluster in properties(cfn, "AWS::MSK::Cluster")
        ]
        for name, configuration in properties(cfn, "AWS::MSK::Configuration"):
            text = configuration["ServerProperties"]
            given = dict(re.findall(r"^([a-z.]+)=(\d+)$", text, re.MULTILINE))
            copies = int(given.get("default.replication.factor", 1))
            acknowledged = int(given.get("min.insync.replicas", 1))
            if not 2 <= acknowledged < copies <= min(brokers):
                yield (
                    at(name, "ServerProperties"),
                    f"{acknowledged} of {copies} copies do not fit {brokers} brokers",
                )


class TopicsRegex(Rule):
    """The sink stores the topics of one user id, which another id may begin with."""

    id = "E9005"
    shortdesc = description = "topics.regex has the user id and a dot"
    stored = ("abcd.pin", "abcd.a.b", "abcde2e01234567.pin")
    others = ("abcd0.pin", "abcdxpin", "abcd.", "abcde2e0123.pin", "dead-letter.abcd", "x.abcd.pin")

    def faults(self, cfn: Template) -> Iterator[Fault]:
        for name, connector in properties(cfn, "AWS::KafkaConnect::Connector"):
            regex = connector["ConnectorConfiguration"]["topics.regex"]
            text = regex["Fn::Sub"].replace("${UserId}", "abcd")
            wrong = [topic for topic in self.stored if not re.fullmatch(text, topic)]
            wrong += [topic for topic in self.others if re.fullmatch(text, topic)]
            if wrong:
                yield (
                    at(name, "ConnectorConfiguration"),
                    f"topics.regex is wrong for {', '.join(wrong)} of the id abcd",
                )


class OpenPorts(Rule):
    """No port is open to the world."""

    id = "E9006"
    shortdesc = description = "A security group lets no address of the world in"

    def faults(self, cfn: Template) -> Iterator[Fault]:
        groups = properties(cfn, "AWS::EC2::SecurityGroup")
        rules = [(name, rule) for name, group in groups for rule in group.get(INGRESS, ())]
        rules += properties(cfn, "AWS::EC2::SecurityGroupIngress")
        for name, rule in rules:
            if str(rule.get("CidrIp", rule.get("CidrIpv6", ""))).endswith("/0"):
                yield ["Resources", name], f"{name} is open to every address"


INGRESS = "SecurityGroupIngress"


class GatewayKey(Rule):
    """A call without the key is refused."""

    id = "E9007"
    shortdesc = description = "Every method demands the key, unless GatewayAuth is none"

    def faults(self, cfn: Template) -> Iterator[Fault]:
        needed = ("NeedsApiKey", [{"api_key": []}], {"Ref": "AWS::NoValue"})
        for where, path, method, _, definition in operations(cfn):
            if conditional(definition.get("security")) != needed:
                yield where, f"{method} {path} demands no key"
            if cfn.template["Parameters"]["GatewayAuth"]["Default"] != "api_key":
                yield ["Parameters", "GatewayAuth"], "the key is not the default"


class GatewayLimits(Rule):
    """Nobody spends without bound, and each request leaves a line."""

    id = "E9008"
    shortdesc = description = "The stage and the key have limits, and the stage a log"

    def faults(self, cfn: Template) -> Iterator[Fault]:
        plans = dict(properties(cfn, "AWS::ApiGateway::UsagePlan"))
        for name, stage in properties(cfn, "AWS::ApiGateway::Stage"):
            limited = [
                each
                for each in stage.get("MethodSettings", ())
                if (each["ResourcePath"], each["HttpMethod"]) == ("/*", "*")
                and {"ThrottlingRateLimit", "ThrottlingBurstLimit"} <= each.keys()
            ]
            if not limited:
                yield ["Resources", name], f"{name} has no throttle"
            if "AccessLogSetting" not in stage:
                yield ["Resources", name], f"{name} has no access log"
            of_stage = [
                plan
                for plan in plans.values()
                if {"Ref": name} in [each["Stage"] for each in plan["ApiStages"]]
                and {"RateLimit", "BurstLimit"} <= plan.get("Throttle", {}).keys()
                and "Quota" in plan
            ]
            if not of_stage:
                yield ["Resources", name], f"{name} has no usage plan with rate, burst and quota"


class RestProxySecret(Rule):
    """The REST proxy knows the requests of API Gateway by their secret."""

    id = "E9009"
    shortdesc = description = "A request to the REST proxy has the secret"
    header = "integration.request.header.x-rest-proxy-secret"

    def faults(self, cfn: Template) -> Iterator[Fault]:
        for where, path, method, _, definition in operations(cfn):
            integration = definition["x-amazon-apigateway-integration"]
            given = integration.get("requestParameters", {}).get(self.header)
            sent = {"Fn::Sub": "'${RestProxySecret}'"}
            if integration["type"] == "http_proxy" and sent not in (conditional(given) or ()):
                yield where, f"{method} {path} sends no secret"


class EndToEndTests(Rule):
    """The rights of tests/e2e are off by default."""

    id = "E9010"
    shortdesc = description = "What is named after e2e is behind the parameter EndToEndTests"

    def faults(self, cfn: Template) -> Iterator[Fault]:
        for name, role in properties(cfn, "AWS::IAM::Role"):
            if self._open(role):
                yield ["Resources", name], f"{name} always has the rights of the tests"
        parameter = cfn.template.get("Parameters", {}).get("EndToEndTests", {})
        if parameter.get("Default") != "false":
            yield ["Parameters"], "EndToEndTests is not off by default"

    def _open(self, value: Any) -> bool:
        """Whether an ARN of the tests is anywhere but behind the condition."""
        found = conditional(value)
        if found and found[0] == "HasEndToEndTests":
            return self._open(found[2])
        if isinstance(value, dict):
            return any(map(self._open, value.values()))
        if isinstance(value, list):
            return any(map(self._open, value))
        return "}e2e" in str(value)


class GatewayMethods(Rule):
    """A caller with the key sends posts, and neither reads topics nor deletes streams."""

    id = "E9011"
    shortdesc = description = "Methods other than the pipeline's are behind GatewayMethods"

    def faults(self, cfn: Template) -> Iterator[Fault]:
        for where, path, method, opened, _ in operations(cfn):
            if not opened and (path, method) not in PIPELINE:
                yield where, f"{method} {path} is always open"
            if cfn.template["Parameters"]["GatewayMethods"]["Default"] != "pipeline":
                yield ["Parameters", "GatewayMethods"], "the methods of the pipeline are no default"


RULES = (
    *(SourceAccount, OnlyTls, Database, Copies, TopicsRegex, OpenPorts),
    *(GatewayKey, GatewayLimits, RestProxySecret, EndToEndTests, GatewayMethods),
)
