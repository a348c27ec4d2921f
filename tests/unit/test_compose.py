"""docker-compose.yml, as the engine for processes reads it."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from contract.errors import SettingError
from pinpipe.engines import compose, ports
from pinpipe.errors import ComposeError
from tests.support import ROOT
from tests.support.ports import free_ports

AIRFLOW = (
    "airflow-init",
    "airflow-api-server",
    "airflow-scheduler",
    "airflow-dag-processor",
    "airflow-triggerer",
)
EMULATORS = ("emulator", "emulator-streaming")
SERVICES = tuple(yaml.safe_load((ROOT / compose.FILE).read_text())["services"])


@pytest.fixture(scope="module")
def document() -> Any:
    """docker-compose.yml, its variables unread."""
    return yaml.safe_load((ROOT / compose.FILE).read_text())


def load(tmp_path: Path, text: str, **environ: str) -> compose.Compose:
    (tmp_path / compose.FILE).write_text(text)
    return compose.load(tmp_path, environ)


@pytest.mark.parametrize(
    ("written", "environ", "read"),
    [
        ("plain", {}, "plain"),
        ("${A}", {"A": "1"}, "1"),
        ("${A}", {}, ""),
        ("${A:-x}", {}, "x"),
        ("${A:-x}", {"A": ""}, "x"),
        ("${A:-x}", {"A": "1"}, "1"),
        ("a${A:-x${B:-y}z}b", {}, "axyzb"),
        ("a${A:-x${B:-y}z}b", {"B": "1"}, "ax1zb"),
        ("a${A:-x${B:-y}z}b", {"A": "1"}, "a1b"),
        ("$${A}", {"A": "1"}, "${A}"),
        ("${A}", {"A": "${B}", "B": "no"}, "${B}"),
        ("{}", {}, "{}"),
    ],
)
def test_variables_are_read_as_compose_reads_them(
    tmp_path: Path, written: str, environ: dict[str, str], read: str
) -> None:
    text = f"services: {{s: {{entrypoint: [x], environment: {{V: '{written}'}}}}}}"
    assert load(tmp_path, text, **environ).service("s").environment["V"] == read


def test_a_form_of_variable_that_is_not_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ComposeError, match="NAME"):
        load(tmp_path, "services: {s: {entrypoint: [x], environment: {V: '${A?no}'}}}")


@pytest.mark.parametrize(
    ("inside", "outside"),
    [
        ("http://kafka:9092/x", "http://127.0.0.1:19092/x"),
        ("kafka:9092,kafka:9093", "127.0.0.1:19092,127.0.0.1:9093"),
        ("0.0.0.0:80", "127.0.0.1:8080"),
        ("http://my-kafka:9092", "http://my-kafka:9092"),
        ("kafka", "kafka"),
        ("rest-proxy:82", "127.0.0.1:8082"),
        ("mysql://u:kafka@h/kafka", "mysql://u:kafka@h/kafka"),
    ],
)
def test_addresses_of_services_become_loopback(inside: str, outside: str) -> None:
    ports = {"kafka": {9092: 19092}, "web": {80: 8080}, "proxy": {}, "rest-proxy": {82: 8082}}
    assert compose.to_loopback(inside, "web", ports) == outside


def test_a_value_that_looks_like_an_address_stays_as_it_is() -> None:
    url = "mysql+pymysql://spark:2024abc@db.example:3306/x"
    loaded = compose.load(ROOT, {"SOURCE_DATABASE_URL": url, "LOCAL_DATABRICKS_TOKEN": "stream:12"})
    assert loaded.client["SOURCE_DATABASE_URL"] == url
    assert loaded.service("emulator").environment["SOURCE_DATABASE_URL"] == url
    assert loaded.service("databricks").environment["DATABRICKS_TOKEN"] == "stream:12"


@pytest.mark.parametrize("value", ["abc", "70000", "-1", "0", "80:80"])
@pytest.mark.parametrize("variable", ["REST_PROXY_PORT", "KAFKA_CONTROLLER_PORT"])
def test_a_value_that_is_no_port_is_named_with_its_variable(variable: str, value: str) -> None:
    with pytest.raises(SettingError, match=f"{variable} is '{value}': a port is a number"):
        compose.load(ROOT, {variable: value})


def test_two_services_with_one_port_are_a_problem() -> None:
    (port,) = free_ports(1)
    services = compose.load(ROOT, {"CONNECT_PORT": str(port), "REST_PROXY_PORT": str(port)})
    pair = [services.service("connect"), services.service("rest-proxy")]
    (problem,) = ports.problems(pair)
    assert problem.what == f"rest-proxy needs port {port}, which connect has"


def test_a_port_published_beyond_loopback_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ComposeError, match=r"127\.0\.0\.1"):
        load(tmp_path, "services: {s: {entrypoint: [x], ports: ['80:80']}}")


def test_services_that_wait_for_each_other_are_refused(tmp_path: Path) -> None:
    text = """
services:
  a: {entrypoint: [x], depends_on: {b: {condition: service_healthy}}}
  b: {entrypoint: [x], depends_on: {a: {condition: service_healthy}}}
"""
    with pytest.raises(ComposeError, match="wait for each other"):
        load(tmp_path, text).long_running()


def test_every_service_starts_after_those_that_it_needs() -> None:
    names = [service.name for service in compose.load(ROOT, {}).long_running()]
    assert names.index("kafka") < names.index("topics") < names.index("rest-proxy")
    assert names.index("topics") < names.index("connect") < names.index("connector")
    assert names.index("localstack") < names.index("connector")
    assert "emulator" not in names
    assert "spark" not in names


def test_ports_can_be_moved() -> None:
    moved = compose.load(ROOT, {"KAFKA_PORT": "29092", "LOCALSTACK_PORT": "24566"})
    assert moved.service("rest-proxy").environment["KAFKA_BOOTSTRAP_SERVERS"] == "127.0.0.1:29092"
    assert moved.service("kafka").environment["KAFKA_LISTEN"] == "127.0.0.1:29092"
    assert moved.client["AWS_ENDPOINT_URL"] == "http://127.0.0.1:24566"


def test_without_a_server_the_source_is_sqlite_and_the_metastore_derby(tmp_path: Path) -> None:
    (tmp_path / compose.FILE).write_text((ROOT / compose.FILE).read_text())
    given = {"PATH": str(tmp_path), "RUN_DIR": "/run folder", "MYSQL_PORT": "4000"}
    lacking = compose.load(tmp_path, given)
    assert "no mariadbd" in str(lacking.service("mysql").skip)
    assert "mysql" not in [service.name for service in lacking.long_running()]
    url = "sqlite:////run folder/data/source/pinterest_data.db"
    for service in ("dataset-load", "emulator"):
        assert lacking.service(service).environment["SOURCE_DATABASE_URL"] == url
    assert lacking.client["SOURCE_DATABASE_URL"] == url
    assert "SOURCE_DATABASE_URL" not in lacking.client_addresses
    databricks = lacking.service("databricks").environment
    assert databricks["METASTORE_URL"] == ""
    assert databricks["METASTORE_FOLDER"] == "/run folder/data/jobs_api/metastore"
    own = compose.load(tmp_path, {**given, "SOURCE_DATABASE_URL": "mysql://me:own@db/p"})
    assert own.client["SOURCE_DATABASE_URL"] == "mysql://me:own@db/p"

    (tmp_path / "mysqld").touch(mode=0o755)
    found = compose.load(tmp_path, given)
    assert found.service("mysql").skip is None
    assert found.service("mysql").environment["MYSQL_LISTEN"] == "127.0.0.1:4000"
    assert "reader@127.0.0.1:4000/" in found.client["SOURCE_DATABASE_URL"]
    assert (
        "loader@127.0.0.1:4000/" in found.service("dataset-load").environment["SOURCE_DATABASE_URL"]
    )
    assert (
        found.service("databricks")
        .environment["METASTORE_URL"]
        .startswith("jdbc:mariadb://127.0.0.1:4000/metastore")
    )


NETWORKS = {
    "source": {"mysql", "dataset-load", *EMULATORS},
    "gateway": {"localstack", *EMULATORS},
    "kafka": {"kafka", "topics", "rest-proxy", "connect", "connector"},
    "platform": {"localstack", "rest-proxy", "connect", "spark", "stream", "databricks", *AIRFLOW},
    "metastore": {"mysql", "databricks"},
    "airflow": {"postgres", *AIRFLOW},
}
"""The services of each network."""


def test_each_service_is_in_its_networks_alone(document: Any) -> None:
    found: dict[str, set[str]] = {name: set() for name in document["networks"]}
    for service, body in document["services"].items():
        assert body["networks"], service
        for network in body["networks"]:
            found[network].add(service)
    assert found == NETWORKS


def test_a_service_shares_a_network_with_each_service_that_its_settings_name(document: Any) -> None:
    names = "|".join(sorted(document["services"], key=len, reverse=True))
    for service, body in document["services"].items():
        given = dict(body.get("environment", {}))
        if service in ("topics", "connector"):
            del given["AWS_ENDPOINT_URL"]  # they need the keys alone, for Kafka's logins
        addresses = " ".join(map(str, given.values()))
        named = set(re.findall(rf"(?:[/@]|(?<!\S))({names}):[0-9]", addresses))
        reached = {service}.union(*(NETWORKS[network] for network in body["networks"]))
        assert named <= reached, service


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_has_limits(document: Any, service: str) -> None:
    body = document["services"][service]
    assert re.fullmatch(r"\d+[mg]", body["mem_limit"])
    assert 0 < body["pids_limit"] <= 4096
    assert body["read_only"] is True
    assert body["cap_drop"] == ["ALL"]
    assert body["logging"]["driver"] == "local"
    assert set(body["logging"]["options"]) == {"max-size", "max-file"}
    sizes = [re.search(r"[:,]size=(\d+)([mg])", mount) for mount in body["tmpfs"]]
    assert sizes
    assert all(sizes)
    total = sum(int(size[1]) * {"m": 1, "g": 1024}[size[2]] for size in sizes if size)
    limit = int(body["mem_limit"][:-1]) * {"m": 1, "g": 1024}[body["mem_limit"][-1]]
    assert total <= limit  # a tmpfs counts as memory of the container


def test_every_port_is_published_on_this_machine_alone() -> None:
    services = yaml.safe_load((ROOT / compose.FILE).read_text())["services"]
    published = {name: service.get("ports", []) for name, service in services.items()}
    assert published["airflow-api-server"]
    assert published["databricks"]
    ports = [port for found in published.values() for port in found]
    assert [port for port in ports if not port.startswith("127.0.0.1:")] == []


def test_each_image_is_a_target_of_the_dockerfile() -> None:
    stages = re.findall(r"^FROM (\S+) AS (\S+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    targets = {service["build"]["target"]: service["image"] for service in services.values()}
    names = [name for _, name in stages]
    assert sorted(set(names)) == sorted(names)
    assert targets.keys() <= set(names)
    assert {image.partition("/")[2] for image in targets.values()} == {f"{t}:dev" for t in targets}
