"""A small project whose services the native engine runs: two set-up steps and a server."""

import socket
from pathlib import Path

from pinpipe.engines.native import NativeEngine
from pinpipe.engines.status import State

FILE = """
x-healthcheck: &healthcheck
  {{interval: 100ms, timeout: 30s, retries: 1, start_period: 40s, start_interval: 50ms}}
services:
  first:
    entrypoint: [run.sh, once]
  server:
    entrypoint: [run.sh, serve]
    environment: {{LISTEN: "0.0.0.0:80"}}
    ports: ["127.0.0.1:{port}:80"]
    depends_on: {{first: {{condition: service_completed_successfully}}}}
    healthcheck: {{<<: *healthcheck, test: [CMD, health.sh]}}
  last:
    entrypoint: [run.sh, once]
    environment: {{DAY: "${{DAY:-monday}}"}}
    depends_on: {{server: {{condition: service_healthy}}}}
"""

RUN = """#!/usr/bin/env python3
import os, socket, subprocess, sys, time
print("started", sys.argv[1], flush=True)
if sys.argv[1] == "once":
    sys.exit(5 if os.path.exists(".run/failing steps") else int(os.environ.get("ONCE_CODE", 0)))
if os.path.exists("broken"):
    sys.exit("it is broken")
while os.path.exists("not yet"):
    time.sleep(0.01)
host, port = os.environ["LISTEN"].split(":")
server = socket.create_server((host, int(port)))
child = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
while True:
    server.accept()
"""

HEALTH = """#!/usr/bin/env python3
import os, socket, sys
if os.path.exists("unhealthy"):
    sys.exit("it is unhealthy")
host, port = os.environ["LISTEN"].split(":")
try:
    socket.create_connection((host, int(port)), 1).close()
except OSError as error:
    sys.exit(f"nobody listens: {error}")
"""


def write_project(root: Path, port: int) -> None:
    """Write docker-compose.yml and the scripts of the services."""
    root.mkdir()
    (root / "docker-compose.yml").write_text(FILE.format(port=port))
    for name, text in (("run.sh", RUN), ("health.sh", HEALTH)):
        (root / name).write_text(text)
        (root / name).chmod(0o755)


def states(engine: NativeEngine) -> dict[str, State]:
    """State of each service and of the supervisor."""
    return {status.service: status.state for status in engine.status()}


def listening(port: int) -> bool:
    """Whether something listens on a port."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
