"""Starts the Jobs API and the kernel gateway in the foreground: one process, one event loop.

    python -m services.databricks --data .run/data/jobs_api

SIGTERM or SIGINT stops it: it refuses requests, ends the running tasks, and exits with 0.
"""

import argparse
import asyncio
import sys
from pathlib import Path

import uvloop

from contract.errors import SettingError
from contract.hosts import Hosts
from contract.program import exit_status
from contract.settings import Settings
from services import asgi
from services.databricks import credentials
from services.databricks.api.gateway import Gateway
from services.databricks.api.server import application
from services.databricks.context import ServiceContext
from services.databricks.engine.clusters import Clusters
from services.databricks.engine.scheduler import Scheduler
from services.databricks.engine.task_runner import TaskRunner
from services.databricks.runner.dbutils.dbfs import Dbfs
from services.databricks.store.database import Database
from services.databricks.workspace import Workspace

CONNECTIONS = 256
"""Requests in progress at a time; further ones wait in the socket's queue."""


async def serve(settings: Settings, data: Path) -> None:
    """Serve until a signal stops the service."""
    Dbfs(data / "dbfs").make_folders()
    await credentials.provide(settings, data / "dbfs")
    workspace = Workspace(dict(settings.databricks_workspace), data / "dbfs")
    database = Database(data / "state.db")
    clusters = Clusters(settings, data / "clusters", workspace.dbfs)
    task_runner = TaskRunner(settings, data / "tasks", clusters)
    context = ServiceContext(settings, database, task_runner, workspace)
    scheduler = Scheduler(context)
    hosts = Hosts(settings.allowed_hosts, settings.databricks_host)
    gateway = Gateway(context, data / "kernels", hosts)
    await scheduler.recover()
    address, served = settings.databricks_listen, application(context, scheduler)
    await gateway.start()
    await asgi.serve(served, "Jobs API", address, CONNECTIONS, hosts)
    await asyncio.gather(gateway.close(), scheduler.stop())
    await clusters.close()
    task_runner.close()
    database.close()


def main() -> int:
    """Return the exit status."""
    parser = argparse.ArgumentParser(prog="databricks", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of state, logs and DBFS")
    arguments = parser.parse_args()

    def run() -> None:
        settings = Settings.from_environ()
        if not settings.databricks_token:
            raise SettingError("DATABRICKS_TOKEN", None, "clients of the Jobs API need one to send")
        uvloop.run(serve(settings, arguments.data))

    return exit_status(run)


if __name__ == "__main__":
    sys.exit(main())
