"""A CloudFormation template with its functions worked out, as far as one can without AWS."""

import base64
import re
from typing import Any

import yaml

ACCOUNT = "123456789012"
REGION = "us-east-1"
PSEUDO = {
    "AWS::AccountId": ACCOUNT,
    "AWS::Partition": "aws",
    "AWS::Region": REGION,
    "AWS::URLSuffix": "amazonaws.com",
}
ARNS = {
    "AWS::S3::Bucket": "arn:aws:s3:::{BucketName}",
    "AWS::MSK::Cluster": f"arn:aws:kafka:{REGION}:{ACCOUNT}:cluster/{{ClusterName}}/0-1",
    "AWS::SecretsManager::Secret": f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{{Name}}-0a",
    "AWS::IAM::Role": f"arn:aws:iam::{ACCOUNT}:role/{{RoleName}}",
}
"""ARNs of the resources that a policy of ours names, by the property with their name."""
REFERRED_BY_ARN = ("AWS::MSK::Cluster", "AWS::SecretsManager::Secret")


class _Loader(yaml.SafeLoader):
    """Reads ``!Name value`` as ``{"Fn::Name": value}``, and ``!Ref`` as ``{"Ref": value}``."""


def _function(loader: Any, suffix: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    return {"Ref" if suffix == "Ref" else f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _function)


def read(text: str) -> Any:
    """Return a template with its functions in their long form."""
    return yaml.load(text, _Loader)


def literal(template: Any, values: dict[str, str] | None = None) -> Any:
    """Return the template's resources, their functions worked out with ``values`` of parameters.

    What only AWS knows becomes ``<Resource.Attribute>``.
    """
    given = {name: str(item.get("Default", "")) for name, item in template["Parameters"].items()}
    given |= values or {}
    return _Literal(template, given | PSEUDO).work_out(template["Resources"])


_NO_VALUE = object()


class _Literal:
    def __init__(self, template: Any, values: dict[str, str]) -> None:
        self.resources, self.values = template["Resources"], values
        self.conditions = template.get("Conditions", {})

    def work_out(self, item: Any) -> Any:
        if isinstance(item, list):
            return [part for part in map(self.work_out, item) if part is not _NO_VALUE]
        if not isinstance(item, dict):
            return item
        if len(item) == 1:
            ((name, value),) = item.items()
            if name == "Ref":
                return self._reference(value)
            if name == "Fn::GetAtt":
                return self._attribute(value)
            if name == "Fn::Sub":
                assert isinstance(value, str), "!Sub of a text only"
                return re.sub(r"\$\{([^}]+)\}", lambda match: self._name(match[1]), value)
            if name == "Fn::Base64":
                return base64.b64encode(self.work_out(value).encode()).decode()
            if name == "Fn::If":
                condition, yes, no = value
                return self.work_out(yes if self._holds(self.conditions[condition]) else no)
            if name.startswith("Fn::"):
                return f"<{name}>"
        found = {key: self.work_out(value) for key, value in item.items()}
        return {key: value for key, value in found.items() if value is not _NO_VALUE}

    def _holds(self, condition: Any) -> bool:
        ((name, value),) = condition.items()
        if name == "Fn::Not":
            return not self._holds(value[0])
        assert name == "Fn::Equals", f"{name} as a condition"
        one, other = map(self.work_out, value)
        return bool(one == other)

    def _name(self, name: str) -> str:
        return self._attribute(name) if "." in name else str(self._reference(name))

    def _reference(self, name: str) -> Any:
        if name == "AWS::NoValue":
            return _NO_VALUE
        if name in self.values:
            return self.values[name]
        assert name in self.resources, f"there is no {name}"
        return self._arn(name) if self.resources[name]["Type"] in REFERRED_BY_ARN else name

    def _attribute(self, path: str) -> str:
        name, _, attribute = path.partition(".")
        assert name in self.resources, f"there is no {name}"
        return self._arn(name) if attribute == "Arn" else f"<{path}>"

    def _arn(self, name: str) -> str:
        resource = self.resources[name]
        pattern = ARNS.get(resource["Type"], f"<{name}.Arn>")
        properties = {
            key: self.work_out(value)
            for key, value in resource["Properties"].items()
            if f"{{{key}}}" in pattern
        }
        return pattern.format(**properties)
