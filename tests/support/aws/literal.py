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
    "AWS::IAM::Role": f"arn:aws:iam::{ACCOUNT}:role/{{RoleName}}",
}
"""ARNs of the resources that a policy of ours names, by the property with their name."""


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


class _Literal:
    def __init__(self, template: Any, values: dict[str, str]) -> None:
        self.resources, self.values = template["Resources"], values

    def work_out(self, item: Any) -> Any:
        if isinstance(item, list):
            return [self.work_out(part) for part in item]
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
            if name.startswith("Fn::"):
                return f"<{name}>"
        return {key: self.work_out(value) for key, value in item.items()}

    def _name(self, name: str) -> str:
        return self._attribute(name) if "." in name else self._reference(name)

    def _reference(self, name: str) -> str:
        if name in self.values:
            return self.values[name]
        assert name in self.resources, f"there is no {name}"
        return self._arn(name) if self.resources[name]["Type"] == "AWS::MSK::Cluster" else name

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
