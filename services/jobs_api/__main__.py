"""Starts the Jobs API in the foreground: one process, one event loop.

    python -m services.jobs_api --data .run/data/jobs_api

SIGTERM or SIGINT stops it: it takes no more requests, ends the tasks that run, and exits with 0.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from pathlib import Path

import uvloop
from granian.constants import HTTPModes, Interfaces
from granian.log import LogLevels
from granian.server.embed import Server as HttpServer

from contract.errors import PipelineError, SettingError
from contract.settings import Settings
from services.jobs_api.attempt import Attempts
from services.jobs_api.database import Database
from services.jobs_api.parts import Parts
from services.jobs_api.scheduler import Scheduler
from services.jobs_api.server import application
from services.jobs_api.workspace import Workspace

CONNECTIONS = 256
"""Requests in hand at a time; more wait in the socket's queue."""


async def serve(settings: Settings, data: Path) -> None:
    """Serve until a signal asks for the end."""
    host, port = settings.jobs_api_listen
    (data / "dbfs").mkdir(parents=True, exist_ok=True)
    workspace = Workspace(dict(settings.jobs_api_workspace), data / "dbfs")
    database = Database(data / "state.db")
    attempts = Attempts(settings, data / "tasks")
    parts = Parts(settings, database, attempts, workspace)
    scheduler = Scheduler(parts)
    await scheduler.recover()
    server = HttpServer(
        application(parts, scheduler),
        address=host,
        port=port,
        interface=Interfaces.ASGINL,
        http=HTTPModes.http1,
        websockets=False,
        backlog=CONNECTIONS,
        backpressure=CONNECTIONS,
        log_level=LogLevels.error,
    )
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, server.stop)
    print(f"Jobs API on http://{host}:{port}", file=sys.stderr, flush=True)  # noqa: T201
    await server.serve()
    await scheduler.stop()
    await attempts.close()
    database.close()


def main() -> int:
    """Return the exit status."""
    parser = argparse.ArgumentParser(prog="jobs_api", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of state, logs and DBFS")
    arguments = parser.parse_args()
    try:
        settings = Settings.from_environ()
        if not settings.jobs_api_token:
            raise SettingError("JOBS_API_TOKEN", None, "clients of the Jobs API need one to send")
        uvloop.run(serve(settings, arguments.data))
    except PipelineError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
