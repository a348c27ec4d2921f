"""The files for MWAA agree with the contract and the locks, which MWAA lacks."""

import ast
import re
import runpy
import subprocess
import sys

import pytest

from contract import names
from contract.settings import Settings
from tests.support import ROOT

FOLDER = ROOT / "airflow"
PINNED = re.compile(r"^([a-z0-9._-]+)(?:\[.*?\])?==([^\s;\\]+)", re.MULTILINE)


@pytest.mark.parametrize("user_id", [None, "", "0e36c8cd403d"])
def test_the_names_of_the_dags_are_those_of_the_contract(
    monkeypatch: pytest.MonkeyPatch, user_id: str | None
) -> None:
    settings = Settings.from_environ({"USER_ID": user_id} if user_id else {})
    monkeypatch.delenv("AIRFLOW_VAR_USER_ID", raising=False)
    if user_id is not None:
        monkeypatch.setenv("AIRFLOW_VAR_USER_ID", user_id)
    found = runpy.run_path(str(FOLDER / "plugins/pinterest/names.py"))
    assert settings.user_id == found["USER_ID"]
    assert settings.bucket == found["BUCKET"]
    topics = names.topics(settings.user_id)
    assert tuple(map(names.topic_prefix, topics)) == found["TOPIC_PREFIXES"]
    assert settings.batch_root == found["TABLES_URI"]


def test_the_files_for_mwaa_import_only_packages_of_airflow() -> None:
    allowed = sys.stdlib_module_names | {"airflow", "asgiref", "botocore", "pinterest"}
    found = set()
    for path in FOLDER.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                assert not node.level
                found.add((node.module or "").partition(".")[0])
    assert found - allowed == set()


def test_the_constraints_have_the_versions_of_the_lock() -> None:
    locked = PINNED.findall((ROOT / "requirements/airflow.txt").read_text())
    assert locked
    assert PINNED.findall((FOLDER / "dags/constraints.txt").read_text()) == locked


def test_the_constraints_agree_with_those_of_mwaa() -> None:
    """On MWAA pip gets both; two versions of one package make the installation fail."""
    own = dict(PINNED.findall((FOLDER / "dags/constraints.txt").read_text()))
    mwaas = dict(PINNED.findall((ROOT / "requirements/mwaa.txt").read_text()))
    assert {"greenlet", "sqlalchemy", "apache-airflow", "watchtower"} <= set(own) & set(mwaas)
    assert {name: own[name] for name in set(own) & set(mwaas) if own[name] != mwaas[name]} == {}


def test_every_requirement_has_a_constraint() -> None:
    lines = (FOLDER / "requirements.txt").read_text().splitlines()
    required = {re.split(r"[\[=]", line)[0] for line in lines if re.match(r"[a-z]", line)}
    constraints = dict(PINNED.findall((FOLDER / "dags/constraints.txt").read_text()))
    assert required
    assert required - set(constraints) == set()
    assert '--constraint "/usr/local/airflow/dags/constraints.txt"' in lines


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, "0a1b2c3d4e5f"),
        ({"USER_ID": "0e36c8cd403d"}, "0e36c8cd403d"),
        ({"USER_ID": "0e36c8cd403d", "AIRFLOW_VAR_USER_ID": "aaaabbbbcccc"}, "aaaabbbbcccc"),
    ],
)
def test_the_startup_script_keeps_set_variables(given: dict[str, str], expected: str) -> None:
    script = 'set -eu; . "$0"; . "$0"; printf %s "$AIRFLOW_VAR_USER_ID"'
    command = ["sh", "-c", script, str(FOLDER / "startup.sh")]
    done = subprocess.run(command, env=given, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == (expected, "")
