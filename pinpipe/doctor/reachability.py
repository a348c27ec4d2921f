"""Checks that each address of the target can be reached from here, all at the same time."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from urllib.parse import urlsplit

from contract.values import address
from pinpipe.doctor.account import CONNECT, Account
from pinpipe.doctor.finding import Finding

PORTS = {"http": 80, "https": 443, "mysql": 3306, "mariadb": 3306, "postgresql": 5432}
"""Default port of each URL scheme."""
SERVICES = ("sts", "s3", "kinesis")
"""AWS services that clients of the pipelines call."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An address of the target."""

    area: str
    variable: str
    """Variable with the address."""
    host: str
    port: int
    tls: bool = False

    @classmethod
    def of_url(cls, area: str, variable: str, url: str) -> Endpoint | None:
        """The address in a URL; None for a file on this machine."""
        split = urlsplit(url)
        scheme = split.scheme.partition("+")[0]
        if not split.hostname:
            return None
        port = split.port or PORTS.get(scheme, 443)
        return cls(area, variable, split.hostname, port, scheme == "https")


def endpoints(account: Account) -> list[Endpoint]:
    """Every address in the settings."""
    settings = account.settings
    urls: list[tuple[str, str, str]] = [
        ("source database", "SOURCE_DATABASE_URL", settings.source_database_url),
        ("API Gateway", "GATEWAY_INVOKE_URL", settings.gateway_invoke_url),
        ("Databricks", "DATABRICKS_HOST", settings.databricks_host),
        ("Airflow", "AIRFLOW_URL", settings.airflow_url),
    ]
    found = [Endpoint.of_url(*item) for item in urls if account.has(item[1])]
    if account.has("KAFKA_BOOTSTRAP_SERVERS"):
        for server in settings.kafka_bootstrap_servers.split(","):
            host, port = address(server.strip())
            found.append(Endpoint("Kafka", "KAFKA_BOOTSTRAP_SERVERS", host, port))
    if account.has("AWS_REGION"):
        for name in SERVICES:
            url = account.client(name).meta.endpoint_url
            variable = "AWS_ENDPOINT_URL" if settings.aws_endpoint_url else "AWS_REGION"
            found.append(Endpoint.of_url(name, variable, url))
    return [endpoint for endpoint in found if endpoint]


def check(account: Account) -> Iterator[Finding]:
    """Connect to each address; with TLS its certificate must match the host."""
    found = endpoints(account)
    with ThreadPoolExecutor(max_workers=max(1, len(found))) as pool:
        yield from pool.map(_connect, found)


def _connect(endpoint: Endpoint) -> Finding:
    where = f"{endpoint.host}:{endpoint.port}"
    try:
        with socket.create_connection((endpoint.host, endpoint.port), CONNECT) as connection:
            if endpoint.tls:
                context = ssl.create_default_context()
                with context.wrap_socket(connection, server_hostname=endpoint.host):
                    pass
    except ssl.SSLError as error:
        what = f"{where} has no certificate that can be trusted: {error}"
        remedy = f"check the host in {endpoint.variable}"
    except socket.gaierror:
        what = f"there is no host {endpoint.host}"
        remedy = f"correct {endpoint.variable}, or run this where its private DNS zone is resolved"
    except TimeoutError:
        what = f"{where} doesn't respond in {CONNECT:g} s"
        remedy = "run this inside of the VPC, or allow connections from here in its security group"
    except OSError as error:
        what = f"{where} refuses: {error.strerror or error}"
        remedy = f"start it, or correct {endpoint.variable}"
    else:
        return Finding(endpoint.area, f"{where} can be reached")
    return Finding(endpoint.area, what, remedy)
