"""The objects that handlers and executions share, and the health of the service."""

import asyncio
import shlex
import shutil

from contract.settings import Settings
from services.databricks.engine.task_runner import TaskRunner
from services.databricks.store.database import Database
from services.databricks.workspace import Workspace


class ServiceContext:
    """Settings, state, task runner, workspace and slots."""

    def __init__(
        self, settings: Settings, database: Database, task_runner: TaskRunner, workspace: Workspace
    ) -> None:
        self.settings, self.database, self.task_runner = settings, database, task_runner
        self.workspace, self.clusters = workspace, task_runner.clusters
        self.slots = asyncio.Semaphore(settings.databricks_slots)

    def unhealthy_reason(self) -> str | None:
        """The reason why no run can be stored or started now; None when the service is healthy."""
        command = shlex.split(self.settings.databricks_command)[0]
        if shutil.which(command) is None:
            return f"DATABRICKS_COMMAND: {command} can't be run"
        path = self.settings.databricks_path
        if path and shutil.which("python", path=path) is None:
            return f"DATABRICKS_PATH: there is no python in {path}; run 'make install'"
        return self.database.unwritable_reason()
