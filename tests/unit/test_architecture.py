"""The rules of docs/development.md, checked on every tracked file."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from contract.settings import PARSERS
from tests.support import ROOT

PACKAGES: dict[str, tuple[str, ...]] = {
    "contract": (),
    "services/kafka_client": ("contract",),
    "hops": ("contract", "services/kafka_client"),
    "pinpipe": ("contract", "services/kafka_client", "hops"),
    "emulator": ("contract",),
    "localstack": ("contract",),
    "services/airflow": ("contract",),
    "services/connect": ("contract", "services/kafka_client"),
    "services/databricks": ("contract",),
    "services/kafka": ("contract", "services/kafka_client"),
    "services/rest_proxy": ("contract", "services/kafka_client"),
    "spark": ("contract",),
    "airflow": (),
}
"""Every package of the product, and the packages that it may import. Services import no service."""

READS_THE_ENVIRONMENT = {
    "contract/settings.py": "the one place",
    "pinpipe/engines/engine.py": "passes it on to the services that it starts",
    "pinpipe/doctor/machine.py": "searches PATH and pyenv for interpreters",
    "services/databricks/credentials.py": "writes the local keys where notebooks read theirs",
    "services/databricks/engine/environment.py": "passes it on to the tasks that it starts",
    "services/databricks/runner/cluster.py": "gives pyspark the address of the cluster",
    "services/databricks/runner/dbutils/dbutils.py": "secrets of notebooks are variables",
    "services/databricks/runner/libraries.py": "adds a task's libraries to the children's paths",
    "services/databricks/runner/launch.py": "reads a variable of pyspark as pyspark does",
    "airflow/plugins/pinterest/names.py": "MWAA has no settings, and a Variable is a query",
    "localstack/patches/kinesis_engine.py": "passes it on to the engine that it starts",
}

ENDPOINTS = {
    "hops/access.py: endpoint",
    "spark/pipeline/sources/kinesis/client.py: endpoint",
    "localstack/deploy.py: f'http://127.0.0.1:{settings.gateway_listen[1]}'",
}
"""Endpoints of AWS clients: AWS_ENDPOINT_URL, an option of Databricks, or LocalStack itself."""

NOT_OUR_NAMES = {
    *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "NO_PROXY", "no_proxy", "PIP_INDEX_URL")
}
"""Variables that the AWS SDKs, HTTP clients and pip read themselves."""

FORBIDDEN_TEXTS = [
    "registry" + r"\.npmjs",
    "pypi" + r"\.org",
    "files" + r"\.pythonhosted",
    r"repo1?\." + r"maven",
    "proxy" + r"\.golang",
    "(?<![\\w.])/" + "work/",
    "(?<![\\w.$}])/" + "root/",
    "/" + r"home/\w",
]
"""Hosts of registries, and folders of one machine."""


def tracked(*patterns: str) -> list[Path]:
    """Tracked files that exist, relative to the root."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--", *patterns],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return [Path(name) for name in listed.split("\0") if name and (ROOT / name).is_file()]


MODULES = [path for path in tracked("*.py") if path.parts[0] != "tests"]


def imports(path: Path) -> set[str]:
    """Full names of the imports of a module."""
    found = set()
    for node in ast.walk(ast.parse((ROOT / path).read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.add(node.module or "")
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def package(name: str) -> str | None:
    """The package that a dotted name or a path belongs to, or None."""
    path = name.replace(".", "/") + "/"
    return next((item for item in PACKAGES if path.startswith(item + "/")), None)


def test_every_package_has_modules() -> None:
    assert {package(str(path.parent)) for path in MODULES} >= set(PACKAGES)


def test_the_contract_needs_the_standard_library_only() -> None:
    allowed = sys.stdlib_module_names | {"contract"}
    found = {
        f"{path}: {name}"
        for path in MODULES
        if path.parts[0] == "contract"
        for name in imports(path)
        if name.partition(".")[0] not in allowed
    }
    assert found == set()


def test_a_package_imports_only_allowed_packages() -> None:
    # Within the folder localstack/, `localstack` is the library.
    found = {
        f"{path}: {name}"
        for path in MODULES
        if (own := package(str(path.parent))) is not None
        for name in imports(path)
        if (other := package(name)) not in {None, own, *PACKAGES[own]}
        and (own, other) != ("airflow", "airflow")
    }
    assert found == set()


def test_only_the_settings_read_the_environment() -> None:
    readers = re.compile(r"\bos(\.| import [\w\s,()]*\b)(environb?|getenv)\b")
    found = {str(path) for path in MODULES if readers.search((ROOT / path).read_text())}
    assert found == set(READS_THE_ENVIRONMENT)


def test_no_client_of_aws_has_an_address_of_its_own_or_leaves_its_parameters_unchecked() -> None:
    found: dict[str, set[str]] = {"endpoint_url": set(), "parameter_validation": set()}
    for path in [*MODULES, *tracked("tests/e2e/*.py", "tests/support/e2e/*.py")]:
        for node in ast.walk(ast.parse((ROOT / path).read_text())):
            if isinstance(node, ast.keyword) and node.arg in found:
                found[node.arg].add(f"{path}: {ast.unparse(node.value)}")
    assert found == {"endpoint_url": ENDPOINTS, "parameter_validation": set()}


def test_neither_java_nor_javascript_reads_the_environment() -> None:
    """Except the engine that localstack/patches/kinesis_engine.py configures."""
    readers = re.compile(r"System\.getenv|process\.env")
    sources = [*tracked("*.java"), *tracked("*.js", "*.cjs", "*.mjs")]
    assert {path.suffix for path in sources} >= {".java", ".cjs"}
    found = {str(path) for path in sources if readers.search((ROOT / path).read_text())}
    assert found == {"localstack/kinesalite/main.cjs"}


@pytest.mark.parametrize("folder", ["airflow", "localstack"])
def test_no_folder_hides_the_library_of_its_name(folder: str) -> None:
    assert not (ROOT / folder / "__init__.py").exists()


SERVICES: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]


@pytest.mark.parametrize("service", SERVICES)
def test_the_scripts_of_a_service_can_be_run(service: str) -> None:
    test = SERVICES[service].get("healthcheck", {}).get("test", ["CMD"])
    assert test[0] == "CMD"
    for script in [SERVICES[service]["entrypoint"][0], *test[1:2]]:
        assert (ROOT / script).is_file()
        assert os.access(ROOT / script, os.X_OK)


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_reads_every_variable_that_it_gets(service: str) -> None:
    """Each variable is a setting or occurs in the folder of the service."""
    folder = (ROOT / SERVICES[service]["entrypoint"][0]).parent
    sources = "\n".join(path.read_text() for path in folder.iterdir() if path.is_file())
    native = SERVICES[service].get("x-native", {}).get("environment", {})
    given = set(SERVICES[service].get("environment", {})) | set(native)
    known = PARSERS.keys() | NOT_OUR_NAMES
    assert [name for name in sorted(given - known) if not re.search(rf"\b{name}\b", sources)] == []


@pytest.mark.parametrize("pattern", FORBIDDEN_TEXTS)
def test_no_file_names_a_registry_or_a_machine(pattern: str) -> None:
    found = []
    for path in tracked():
        text = (ROOT / path).read_bytes().decode(errors="replace")
        found += [f"{path}: {match[0]}" for match in re.finditer(pattern, text)]
    assert found == []
