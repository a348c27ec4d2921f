"""A broker and a REST proxy of the tests' own: the real processes, on ports of their own."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self, TypeVar

from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from contract.wire import KAFKA_JSON, KAFKA_V2
from tests.support.waiting import wait_for

T = TypeVar("T")
ROOT = Path(__file__).resolve().parents[3]
BROKER_PORT, CONTROLLER_PORT = 22010, 22011
BROKER = f"127.0.0.1:{BROKER_PORT}"


@dataclass
class Service:
    """A service of the project, started by its run.sh and asked by its health.sh."""

    name: str
    folder: Path
    environment: dict[str, str]
    scripts: Path | None = None
    """Where its scripts are; by default the folder of its name in services/."""
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    @property
    def variables(self) -> dict[str, str]:
        """What the scripts are started with."""
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        return {**os.environ, "PATH": path, "RUN_DIR": str(self.folder), **self.environment}

    @property
    def _scripts(self) -> Path:
        return self.scripts or ROOT / "services" / self.name

    @property
    def log(self) -> Path:
        """What the service has printed."""
        return self.folder / f"{self.name}-{id(self)}.log"

    def start(self, limit: float = 60) -> None:
        """Start it and wait until its health check passes."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [self._scripts / "run.sh"],
                cwd=ROOT,
                env=self.variables,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        wait_for(f"{self.name} to be healthy", self._healthy, limit)

    @contextmanager
    def running(self, start_limit: float = 60, stop_limit: float = 30) -> Iterator[Self]:
        """It is started before, and stopped after."""
        try:
            self.start(start_limit)
            yield self
        finally:
            self.stop(stop_limit)

    def _healthy(self) -> bool:
        assert self.process is not None
        if self.process.poll() is not None:
            raise AssertionError(
                f"{self.name} ended with {self.process.returncode}: {self.log.read_text()}"
            )
        return self.health().returncode == 0

    def health(self) -> subprocess.CompletedProcess[str]:
        """Run its health check once."""
        return subprocess.run(
            [self._scripts / "health.sh"],
            cwd=ROOT,
            env=self.variables,
            capture_output=True,
            text=True,
            timeout=30,
        )

    def signal(self, number: int) -> None:
        """Send a signal to its process group."""
        assert self.process is not None
        os.killpg(self.process.pid, number)

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Every thread of it stands still meanwhile."""
        self.signal(signal.SIGSTOP)
        try:
            assert self.process is not None
            child, seen = self.process.pid, os.WSTOPPED | os.WNOHANG | os.WNOWAIT
            wait_for(f"{self.name} to stand still", lambda: os.waitid(os.P_PID, child, seen))
            yield
        finally:
            self.signal(signal.SIGCONT)

    def kill(self) -> None:
        """SIGKILL, and wait for the end."""
        self.signal(signal.SIGKILL)
        assert self.process is not None
        self.process.wait(10)

    def stop(self, limit: float = 30) -> int:
        """SIGTERM; return the exit status."""
        if self.process is None:
            return 0
        if self.process.poll() is None:
            self.signal(signal.SIGTERM)
        try:
            return self.process.wait(limit)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{self.name} did not stop in {limit} s") from None


def broker(folder: Path) -> Service:
    """The broker of the session."""
    return Service(
        "kafka",
        folder,
        {
            "KAFKA_LISTEN": BROKER,
            "KAFKA_CONTROLLER_LISTEN": f"127.0.0.1:{CONTROLLER_PORT}",
            "KAFKA_HOST_LISTEN": "",
        },
    )


def create_topic(name: str, partitions: int = 1) -> str:
    """Create a topic on the session's broker, and wait until it is there."""
    admin = AdminClient({"bootstrap.servers": BROKER})
    admin.create_topics([NewTopic(name, partitions)])[name].result(10)
    wait_for(f"topic {name}", lambda: name in admin.list_topics(timeout=10).topics)
    return name


@dataclass(frozen=True)
class Answer:
    """What a call was answered with."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, read."""
        return json.loads(self.body)

    @property
    def media(self) -> str | None:
        """The body's media type."""
        return self.headers.get("content-type")


def request(
    port: int, method: str, target: str, content: Any, headers: dict[str, str], timeout: float = 30
) -> Answer:
    """Make one request to a service on ``port``; ``content`` is bytes, None or chunks of them."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        chunked = hasattr(content, "__next__")
        connection.request(method, target, content, headers, encode_chunked=chunked)
        answer = connection.getresponse()
        names = {name.lower(): value for name, value in answer.getheaders()}
        return Answer(answer.status, names, answer.read())
    finally:
        connection.close()


class Proxy(Service):
    """A REST proxy on ``port``, with ``settings`` as its environment."""

    def __init__(self, folder: Path, port: int, **settings: str) -> None:
        self.port = port
        super().__init__(
            "rest_proxy",
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
    ) -> Answer:
        """Make one request; ``body`` is JSON unless it is bytes, or an iterable of chunks."""
        content = body if body is None or hasattr(body, "__next__") else _bytes(body)
        return request(self.port, method, path, content, headers or {}, timeout)

    def produce(self, topic: str, *records: Any, media: str = KAFKA_JSON, **more: Any) -> Answer:
        """Produce ``records``."""
        return self.call(
            "POST", f"/topics/{topic}", {"records": list(records)}, {"Content-Type": media}, **more
        )

    def send(self, method: str, path: str, body: Any = None, **more: Any) -> Answer:
        """Make a call whose body is no record."""
        headers = {} if body is None else {"Content-Type": KAFKA_V2}
        return self.call(method, path, body, headers, **more)


def _bytes(body: Any) -> bytes:
    return body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
