"""A broker and a REST proxy for tests: the real processes, on ports of their own."""

import http.client
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from contract.wire import KAFKA_JSON, KAFKA_V2
from tests.support.program import Service
from tests.support.waiting import wait_for

BROKER_PORT, CONTROLLER_PORT = 22010, 22011
BROKER = f"127.0.0.1:{BROKER_PORT}"


def broker(folder: Path) -> Service:
    """Return the broker of the session, not started."""
    return Service(
        "services/kafka",
        folder,
        {
            "KAFKA_LISTEN": BROKER,
            "KAFKA_CONTROLLER_LISTEN": f"127.0.0.1:{CONTROLLER_PORT}",
            "KAFKA_HOST_LISTEN": "",
        },
    )


def create_topic(name: str, partitions: int = 1) -> str:
    """Create a topic on the session's broker, and wait until it exists."""
    admin = AdminClient({"bootstrap.servers": BROKER})
    admin.create_topics([NewTopic(name, partitions)])[name].result(10)
    wait_for(f"topic {name}", lambda: name in admin.list_topics(timeout=10).topics)
    return name


@dataclass(frozen=True)
class Response:
    """The response to a call."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The parsed body."""
        return json.loads(self.body)

    @property
    def media(self) -> str | None:
        """The body's media type."""
        return self.headers.get("content-type")


def request(
    port: int, method: str, target: str, content: Any, headers: dict[str, str], timeout: float = 30
) -> Response:
    """Make one request to a service on ``port``; ``content`` is bytes, None or chunks of them."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        chunked = hasattr(content, "__next__")
        connection.request(method, target, content, headers, encode_chunked=chunked)
        response = connection.getresponse()
        names = {name.lower(): value for name, value in response.getheaders()}
        return Response(response.status, names, response.read())
    finally:
        connection.close()


class Proxy(Service):
    """A REST proxy on ``port``, with ``settings`` as its environment."""

    def __init__(self, folder: Path, port: int, **settings: str) -> None:
        self.port = port
        super().__init__(
            "services/rest_proxy",
            folder,
            {
                "KAFKA_BOOTSTRAP_SERVERS": BROKER,
                "REST_PROXY_LISTEN": f"127.0.0.1:{port}",
                **settings,
            },
        )

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: dict[str, str] | None = None,
        timeout: float = 30,
    ) -> Response:
        """Make one request; ``body`` is JSON unless it is bytes, or an iterable of chunks."""
        content = body if body is None or hasattr(body, "__next__") else _bytes(body)
        return request(self.port, method, path, content, headers or {}, timeout)

    def produce(self, topic: str, *records: Any, media: str = KAFKA_JSON, **more: Any) -> Response:
        """Produce ``records``."""
        return self.call(
            "POST", f"/topics/{topic}", {"records": list(records)}, {"Content-Type": media}, **more
        )

    def send(self, method: str, path: str, body: Any = None, **more: Any) -> Response:
        """Make a call whose body is no record."""
        headers = {} if body is None else {"Content-Type": KAFKA_V2}
        return self.call(method, path, body, headers, **more)


def _bytes(body: Any) -> bytes:
    return body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
