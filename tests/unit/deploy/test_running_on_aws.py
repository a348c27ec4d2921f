"""docs/running-on-aws.md: everything that it names exists, and its sums are right."""

import ast
import re

import pytest

from tests.support import ROOT
from tests.support.aws.literal import literal, read

DOC = (ROOT / "docs/running-on-aws.md").read_text()
TESTS = sorted(set(re.findall(r"`(tests/[\w/.]+\.py)(?:::(\w+))?`", DOC)))


def section(title: str) -> str:
    """Text below a heading."""
    return re.split(r"\n## ", DOC.partition(f"\n## {title}\n")[2])[0]


@pytest.mark.parametrize(("path", "name"), TESTS)
def test_every_test_of_a_difference_exists(path: str, name: str) -> None:
    tree = ast.parse((ROOT / path).read_text())
    functions = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    assert {name} - {""} <= functions
    assert any(function.startswith("test_") for function in functions)


def test_every_difference_has_a_test_or_a_reason() -> None:
    rows = [
        line.strip("| ").split(" | ")
        for line in section("What differs between LocalStack and AWS").splitlines()
        if line.startswith("| ") and not line.startswith("| what ")
    ]
    assert len(rows) > 30
    bare = [row[0] for row in rows if len(row) != 4 or not re.match(r"`tests/|reason: ", row[3])]
    assert bare == []


def test_the_sum_of_the_prices_is_right() -> None:
    prices = re.findall(r"^\| [^|*]+ \| (\d\.\d+) \|", section("What it costs"), re.MULTILINE)
    (total,) = re.findall(r"^\| \*\*together\*\* \| \*\*([\d.]+)\*\*", DOC, re.MULTILINE)
    assert len(prices) == 8
    assert round(sum(map(float, prices)), 2) == float(total)


def test_every_output_and_role_that_is_named_is_in_a_template() -> None:
    templates = [
        read((ROOT / name).read_text())
        for name in ("cloudformation/platform.yaml", "localstack/template.yaml")
    ]
    outputs = {name for template in templates for name in template["Outputs"]}
    named = set(re.findall(r"`([A-Z]\w+(?:Id|Name|Arn|Url|Endpoint|Ids))`", DOC))
    assert named
    assert named <= outputs
    roles = {
        resource["Properties"]["RoleName"]
        for template in templates
        for resource in literal(template, {"UserId": "<id>"}).values()
        if resource["Type"] == "AWS::IAM::Role"
    }
    assert set(re.findall(r"`(<id>-[\w-]+-role)`", section("IAM"))) == roles
