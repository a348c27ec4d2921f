"""A source database, and a gateway that fails on demand.

The gateway here stands for faults that the real REST proxy and the real Kinesis cannot be made to
make; that the emulator and the real ones understand each other is shown in tests/stack and
tests/contracts.
"""

import json
import os
import re
import sqlite3
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Barrier, BrokenBarrierError, Event, Lock, Thread
from types import MappingProxyType
from typing import Any, ClassVar

import pytest
from click.testing import CliRunner, Result

from contract import names, wire
from contract.entities import ENTITIES, PIN, Entity
from emulator.dataset.load import load
from emulator.delivery.request import Row
from emulator.user_posting_emulation import batch
from emulator.user_posting_emulation_streaming import streaming as streaming_command
from hops.outbox import SentRow, rows
from tests.support import ROOT
from tests.support.emulator import finish
from tests.support.ports import free_port

FIRST = [
    7528, 2863, 5730, 8304, 8731, 1313, 4315, 10794, 5494, 5069, 2923, 3089, 6063, 3454, 7554,
]  # fmt: skip
"""Keys that the original draws first."""
FAST = ("--rate", "max")


@pytest.fixture(scope="session")
def source_url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A source database at scale 1."""
    url = f"sqlite:///{tmp_path_factory.mktemp('source')}/posts.db"
    load(url)
    return url


@dataclass
class Faulty:
    """A gateway on loopback that answers as the REST proxy and Kinesis do, but for ``faults``."""

    faults: deque[str] = field(default_factory=deque)
    """Faults of the next requests: see ``_Handler``."""
    always: str = ""
    """Fault of each request for which ``faults`` has none."""
    requests: list[tuple[str, list[dict[str, Any]]]] = field(default_factory=list)
    """Topic or stream, and the values, of each request, in order of arrival."""
    values: list[dict[str, Any]] = field(default_factory=list)
    """Each record that was answered with a position, in the order in which it was stored."""
    stored: list[tuple[str, int]] = field(default_factory=list)
    """Topic or stream, and the key, of each record that was answered with a position."""
    partition_keys: list[str] = field(default_factory=list)
    """Those of all records for streams, in order of arrival."""
    released: Event = field(default_factory=Event)
    """Set to release the requests that ``hang``."""
    latency: float = 0.0
    """Seconds after which a request is handled."""
    together: Barrier | None = None
    """Barrier at which requests wait for each other; a request that times out gets a 500."""
    url: str = ""
    lock: Lock = field(default_factory=Lock)
    connections: int = 0

    def keys(self, entity: str) -> list[int]:
        """Keys stored of an entity, in order."""
        return [key for target, key in self.stored if re.split("[.-]", target)[-1] == entity]


class _Handler(BaseHTTPRequestHandler):
    """One request. Faults: ``slot N CODE``, ``status N [SECONDS]``, ``error TYPE`` (Kinesis' 400),
    ``text``, ``short``, ``cut``, ``hang``, ``drop`` (stored, but the answer is lost)."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else the body waits 40 ms for the acknowledgement of the head
    gateway: ClassVar[Faulty]

    def setup(self) -> None:
        with self.gateway.lock:
            self.gateway.connections += 1
        super().setup()

    def do_POST(self) -> None:
        assert self.headers["Content-Type"] == "application/vnd.kafka.json.v2+json"
        values = [record["value"] for record in self._body()["records"]]
        slots = self._serve(self.path.rpartition("/")[2], values, self._offset)
        if slots is not None:
            self._answer(200, {"offsets": slots})

    def do_PUT(self) -> None:
        assert self.headers["Content-Type"] == "application/json"
        stream, action = self.path.split("/")[-2:]
        body = self._body()
        if action == "record":
            assert body["StreamName"] == stream
            values, keys = [body["Data"]], [body["PartitionKey"]]
        else:
            values = [json.loads(record["data"]) for record in body["records"]]
            keys = [record["partition-key"] for record in body["records"]]
        with self.gateway.lock:
            self.gateway.partition_keys += keys
        slots = self._serve(stream, values, self._sequence_number)
        if slots is not None:
            failed = sum("ErrorCode" in slot for slot in slots)
            many = {"FailedRecordCount": failed, "Records": slots}
            self._answer(200, many if action == "records" else next(iter(slots), {}))

    def _body(self) -> Any:
        return json.loads(self.rfile.read(int(self.headers["Content-Length"])))

    @staticmethod
    def _offset(number: int, error: str | None) -> dict[str, Any]:
        if error:
            return {"error_code": int(error), "error": "not now"}
        return {"partition": 0, "offset": number, "error_code": None, "error": None}

    @staticmethod
    def _sequence_number(number: int, error: str | None) -> dict[str, Any]:
        if error:
            return {"ErrorCode": error, "ErrorMessage": "not now"}
        return {"ShardId": "shardId-000000000000", "SequenceNumber": str(number)}

    def _serve(
        self,
        target: str,
        values: list[dict[str, Any]],
        slot: Callable[[int, str | None], dict[str, Any]],
    ) -> list[dict[str, Any]] | None:
        """The slots of a response, or None if the fault replaces it."""
        gateway = self.gateway
        with gateway.lock:
            gateway.requests.append((target, values))
            fault = gateway.faults.popleft() if gateway.faults else gateway.always
        gateway.released.wait(gateway.latency)
        try:
            if gateway.together is not None:
                gateway.together.wait()
        except BrokenBarrierError:
            fault = "status 500"
        what, *rest = fault.split()[:3] or [""]
        if what == "hang":
            gateway.released.wait(30)
            self.close_connection = True
        elif what == "cut":
            self.send_response(200)
            self.send_header("Content-Length", "500")
            self.end_headers()
            self.wfile.write(b'{"offsets":[')
            self.close_connection = True
        elif what == "status":
            extra = {"Retry-After": rest[1]} if len(rest) > 1 else {}
            self._answer(int(rest[0]), {"message": "no luck"}, extra)
        elif what == "error":
            self._answer(400, {"__type": rest[0], "message": "no luck"})
        elif what == "text":
            self._answer(200, b"<html>welcome to the captive portal</html>")
        else:
            bad = {int(rest[0]): rest[1]} if what == "slot" else {}
            slots = [slot(*stored) for stored in self._store(target, values, bad)]
            if what != "drop":
                return slots[:-1] if what == "short" else slots
            self.close_connection = True
        return None

    def _store(
        self, target: str, values: list[dict[str, Any]], bad: dict[int, str]
    ) -> Iterator[tuple[int, str | None]]:
        """Store all but the ``bad`` values; yield the number and the error, if any, of each."""
        with self.gateway.lock:
            for number, value in enumerate(values):
                if number not in bad:
                    self.gateway.stored.append((target, value.get("index", value.get("ind"))))
                    self.gateway.values.append(value)
                yield len(self.gateway.stored) - 1, bad.get(number)

    def _answer(
        self, status: int, document: Any, headers: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        body = document if isinstance(document, bytes) else wire.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/vnd.kafka.v2+json")
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128  # as many connections as the emulator may open at once
    allow_reuse_address = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Ignore the error: these tests kill clients on purpose."""


@pytest.fixture
def gateway() -> Iterator[Faulty]:
    """A gateway on loopback, initially without faults."""
    faulty = Faulty()
    handler = type("Handler", (_Handler,), {"gateway": faulty})
    port = free_port()
    faulty.url = f"http://127.0.0.1:{port}/dev"
    server = _Server(("127.0.0.1", port), handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield faulty
    faulty.released.set()
    server.shutdown()
    server.server_close()
    thread.join()


@dataclass
class Program:
    """One of the emulator's two programs as a subprocess."""

    source_url: str
    folder: Path
    url: str
    module: str = "emulator.user_posting_emulation"

    @property
    def environment(self) -> dict[str, str]:
        """Its environment."""
        return {
            "PATH": os.environ["PATH"],
            "SOURCE_DATABASE_URL": self.source_url,
            "GATEWAY_INVOKE_URL": self.url,
            "EMULATOR_OUTBOX": str(self.outbox),
        }

    @property
    def targets(self) -> list[str]:
        """Its topics or streams, in sending order."""
        name = names.stream if self.module.endswith("streaming") else names.topic
        return [name("0a1b2c3d4e5f", entity) for entity in ENTITIES]

    @property
    def outbox(self) -> Path:
        """File of its outbox."""
        return self.folder / "with a space" / "outbox.db"

    def sent(self, state: str = "") -> list[SentRow]:
        """The rows of its outbox, or only those in a state."""
        return rows(self.outbox, "state = ?", (state,)) if state else rows(self.outbox)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start it."""
        return subprocess.Popen(
            [sys.executable, "-m", self.module, *arguments],
            cwd=ROOT,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def dry(self, *arguments: str) -> list[str]:
        """Lines of a dry run, which prints nothing else."""
        done = run(self, "--dry-run", *arguments)
        assert (done.exit_code, done.stderr) == (0, "")
        return done.stdout.splitlines()

    def run(self, *arguments: str) -> tuple[int, dict[str, Any], str]:
        """Run it to its end: exit code, counts, and stderr."""
        process = self.start(*arguments, "--json")
        return finish(process)


def run(program: Program, *arguments: str) -> Result:
    """Run ``program`` in this process, which saves a start of Python."""
    command = streaming_command if program.module.endswith("streaming") else batch
    return CliRunner().invoke(command, arguments, env=program.environment)


@pytest.fixture
def program(source_url: str, tmp_path: Path, gateway: Faulty) -> Program:
    """The batch program, with the address of ``gateway`` and its files in ``tmp_path``."""
    return Program(source_url, tmp_path, gateway.url)


@pytest.fixture
def streaming(program: Program) -> Program:
    """The streaming program in the same environment."""
    return replace(program, module="emulator.user_posting_emulation_streaming")


@pytest.fixture(params=["program", "streaming"])
def either(request: pytest.FixtureRequest) -> Program:
    """Each of the two programs."""
    found: Program = request.getfixturevalue(request.param)
    return found


def change(file: Path, script: str) -> None:
    """Run SQL on a source database, which is created if it does not exist."""
    with closing(sqlite3.connect(file)) as connection:
        connection.executescript(script)


def row(key: int, text: str = "", entity: Entity = PIN) -> Row:
    """A row with a key and a title."""
    return Row(entity, key, {entity.key: key, "title": text})
