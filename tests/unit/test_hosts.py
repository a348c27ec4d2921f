"""The names by which a service may be called, and the services that check them."""

import re
from typing import Any

import pytest
import yaml

from contract import hosts
from contract.errors import SettingError
from contract.settings import Settings
from tests.support import ROOT
from tests.support.hosts import ALLOWED, FOREIGN_HOSTS, Headers, accepted, refused

PORT = 8082
SERVICES: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]

PROTECTION = {
    "airflow-api-server": "password",
    "connect": "password",
    "databricks": "hosts",
    "kafka": "own protocol",
    "localstack": "hosts",
    "mysql": "password",
    "rest-proxy": "hosts",
}
"""How each service with a listener refuses a web page: by a login, or by Host and Origin."""


def refusal(rule: hosts.Hosts, headers: Headers, changes: bool = True) -> str | None:
    """Apply a rule to a request's headers."""
    given = (headers.get(name) for name in ("Host", "Origin", "Sec-Fetch-Site"))
    return rule.refusal(changes, *given)


@pytest.fixture
def rule() -> hosts.Hosts:
    allowed = Settings.from_environ({"ALLOWED_HOSTS": ALLOWED}).allowed_hosts
    return hosts.Hosts(allowed, "http://own.host.example:8085/")


@pytest.mark.parametrize("headers", accepted(PORT), ids=str)
def test_a_client_is_accepted(rule: hosts.Hosts, headers: Headers) -> None:
    assert refusal(rule, headers) is None


@pytest.mark.parametrize("headers", refused(PORT), ids=str)
def test_a_page_of_another_site_is_refused(rule: hosts.Hosts, headers: Headers) -> None:
    assert refusal(rule, headers) is not None


def test_a_read_is_refused_by_its_host_alone(rule: hosts.Hosts) -> None:
    for headers in refused(PORT):
        foreign = headers["Host"] in (*FOREIGN_HOSTS, f"evil.example:{PORT}")
        assert (refusal(rule, headers, changes=False) is not None) is foreign, headers


def test_the_message_names_header_value_and_remedy(rule: hosts.Hosts) -> None:
    assert refusal(rule, {"Host": "evil.example:1"}) == (
        "Host 'evil.example:1' is not allowed: add its name to ALLOWED_HOSTS"
    )
    long = refusal(rule, {"Host": "h", "Origin": "https://" + "x" * 9000})
    assert long is not None
    assert len(long) < 200


def test_a_request_without_a_host_is_no_browsers(rule: hosts.Hosts) -> None:
    assert refusal(rule, {}) is None


def test_the_services_own_url_is_a_name_of_it(rule: hosts.Hosts) -> None:
    assert refusal(rule, {"Host": "own.host.example"}) is None
    assert refusal(rule, {"Host": "a.own.host.example"})


@pytest.mark.parametrize(
    ("pattern", "names", "others"),
    [
        ("a.example", ["a.example", "A.EXAMPLE"], ["b.a.example", "example", "xa.example"]),
        (".a.example", ["a.example", "b.a.example"], ["xa.example", "a.example.b"]),
        ("*.a.example", ["b.a.example", "c.b.a.example"], ["a.example", "xa.example"]),
        ("a.example, B.example", ["a.example", "b.example"], ["c.example"]),
    ],
)
def test_the_forms_of_allowed_hosts(pattern: str, names: list[str], others: list[str]) -> None:
    rule = hosts.Hosts(Settings.from_environ({"ALLOWED_HOSTS": pattern}).allowed_hosts)
    assert [name for name in names if refusal(rule, {"Host": name})] == []
    assert [name for name in others if not refusal(rule, {"Host": name})] == []


@pytest.mark.parametrize(
    "value", ["*", "a.*.example", "a.example:80", "http://a", "a b", "a,", ".", "x" * 64, "[::1]"]
)
def test_another_form_is_refused(value: str) -> None:
    with pytest.raises(SettingError, match=re.escape(f"ALLOWED_HOSTS is {value!r}")):
        Settings.from_environ({"ALLOWED_HOSTS": value})


def test_every_service_with_a_listener_is_protected() -> None:
    """A new service needs a row above, and its tests need the table of tests/support/hosts.py."""
    listens = {
        name
        for name, service in SERVICES.items()
        if service.get("ports")
        or any(n.endswith("_LISTEN") for n in service.get("environment", {}))
    }
    listens -= {name for name in listens if name.startswith("airflow-")} - {"airflow-api-server"}
    assert listens == set(PROTECTION)
    checked = {name for name, kind in PROTECTION.items() if kind == "hosts"}
    assert checked == set(hosts.SERVICES)
    reading = {n for n, s in SERVICES.items() if "ALLOWED_HOSTS" in s.get("environment", {})}
    assert reading == checked


@pytest.mark.parametrize("service", hosts.SERVICES)
def test_the_real_service_is_tested_with_the_same_table(service: str) -> None:
    folder = ROOT / "tests/contracts" / service.replace("-", "_")
    assert "tests.support.hosts import" in (folder / "test_hosts.py").read_text()


def test_every_published_port_is_a_row_of_the_security_page() -> None:
    page = (ROOT / "SECURITY.md").read_text()
    ports = {
        match[1]
        for service in SERVICES.values()
        for match in re.finditer(r":-(\d+)\}", str(service.get("ports", "")))
    }
    assert ports
    assert [port for port in sorted(ports) if f"| {port} |" not in page] == []
