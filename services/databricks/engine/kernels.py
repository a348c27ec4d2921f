"""Kernels for clients outside: each is a process of this machine, as that of a job's notebook.

A kernel's name is the id of a cluster. Its process attaches to the cluster at its first cell, takes
no slot of the jobs, and ends with this service, however that ends. When the cluster ends, so do its
kernels; jupyter_client then starts them again, with no names and not attached.
"""

import asyncio
import json
import os
import shlex
import shutil
from pathlib import Path
from typing import Any

from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.provisioning.local_provisioner import LocalProvisioner
from jupyter_server.services.kernels.kernelmanager import (
    AsyncMappingKernelManager,
    ServerKernelManager,
)
from tornado import web

from services.databricks.api.errors import ApiError
from services.databricks.context import ServiceContext
from services.databricks.engine import process
from services.databricks.engine.cluster_tags import usage_tags
from services.databricks.engine.clusters import ALL_PURPOSE
from services.databricks.engine.log import BoundedLog
from services.databricks.engine.notebooks import kernel_environment
from services.databricks.engine.task_runner import CLUSTER_FD, Attachment, surroundings
from services.databricks.workspace import normal

CULL_INTERVAL = 60
"""Most seconds between two looks for idle kernels."""
UNSAVED = "Untitled"
"""Name of the notebook of a kernel for which the client has named a folder only."""


class Kernels(AsyncMappingKernelManager):
    """The running kernels."""

    def __init__(self, context: ServiceContext, root: Path) -> None:
        self.service, self.root = context, root.resolve()
        idle = context.settings.kernel_idle_seconds
        super().__init__(  # type: ignore[no-untyped-call]
            kernel_spec_manager=Specs(context),
            kernel_manager_class=f"{__name__}.Kernel",
            default_kernel_name=ALL_PURPOSE,
            connection_dir=str(context.task_runner.sockets),
            cull_idle_timeout=idle,
            cull_interval=min(idle, CULL_INTERVAL),
            cull_connected=True,
        )

    async def recover(self) -> None:
        """End what the kernels of an earlier process of the service have left."""
        await process.end(self.root)
        shutil.rmtree(self.root, ignore_errors=True)

    async def close(self) -> None:
        """End all kernels."""
        if self._culler_callback:
            self._culler_callback.stop()
        running: list[str] = self.list_kernel_ids()
        await asyncio.gather(*(self.shutdown_kernel(one, now=True) for one in running))  # type: ignore[no-untyped-call]

    def cwd_for_path(self, path: str, **_: Any) -> str:
        """The path of the kernel's notebook in the workspace, from that of a notebook or folder.

        Raises:
            HTTPError: 400, it is outside of the workspace, or its folder does not exist.
        """
        path = normal(f"/{path}")
        try:
            local = Path(self.service.workspace.notebook(path))
        except ApiError as error:
            raise web.HTTPError(400, str(error)) from None
        if local.is_dir():
            return normal(f"{path}/{UNSAVED}")
        if not local.parent.is_dir():
            raise web.HTTPError(400, f"There is no folder for the notebook {path}")
        return path

    def _handle_kernel_died(self, kernel_id: str) -> None:
        kernel: Any = self.get_kernel(kernel_id)
        self.service.clusters.follow(kernel.provisioner.cleanup())
        super()._handle_kernel_died(kernel_id)  # type: ignore[no-untyped-call]


class Specs(KernelSpecManager):
    """The kinds of kernels: one for each cluster that can be named."""

    def __init__(self, context: ServiceContext) -> None:
        super().__init__()
        self._context = context

    def find_kernel_specs(self) -> dict[str, str]:
        """The names, each with a folder of further files, which do not exist."""
        return {cluster.cluster_id: os.devnull for cluster in self._context.clusters.all_named}

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        """The spec of a cluster; the all-purpose cluster's for every other name."""
        cluster = self._context.clusters.named(kernel_name)
        command = shlex.split(self._context.settings.databricks_command)
        return KernelSpec(
            argv=[*command, "services.databricks.runner.kernel.interactive", "{connection_file}"],
            display_name=f"Python (cluster {cluster.name})",
            language="python",
            resource_dir=os.devnull,
            metadata={"cluster_id": cluster.cluster_id},
        )


class Kernel(ServerKernelManager):
    """One kernel, over restarts."""

    transport = "ipc"

    async def _async_pre_start_kernel(self, **options: Any) -> Any:
        self.kernel_id = self.kernel_id or options.pop("kernel_id")
        if self.provisioner is None:
            self.provisioner = Provisioner(
                kernel_id=self.kernel_id, kernel_spec=self.kernel_spec, parent=self
            )
        return await super()._async_pre_start_kernel(**options)


class Provisioner(LocalProvisioner):
    """The processes of one kernel, one after the other, each with an attachment of its own."""

    _attachment: Attachment | None = None
    _followed: tuple[asyncio.Task[None], ...] = ()

    parent: Any

    @property
    def _folder(self) -> Path:
        kernels: Kernels = self.parent.parent
        return kernels.root / str(self.kernel_id)

    async def pre_launch(self, **options: Any) -> dict[str, Any]:
        """Prepare the folder, the task and the environment of the process."""
        context: ServiceContext = self.parent.parent.service
        folder, path = self._folder, options.pop("cwd")
        cluster = context.clusters.named(self.parent.kernel_name)
        folder.mkdir(parents=True, exist_ok=True)
        run = dict.fromkeys(("job_id", "job_run_id", "run_id", "task_key", "job_name"), "")
        task = surroundings(context.workspace, cluster) | {
            "notebook_task": {"notebook_path": path},
            "libraries": [],
            "values": {},
            "spark_conf": usage_tags(cluster.cluster_id, cluster.name, cluster.spec.version),
            "context": run
            | {"cluster_id": cluster.cluster_id, "url": context.settings.databricks_host},
        }
        (folder / "task.json").write_text(json.dumps(task))
        log = BoundedLog(folder, context.settings.databricks_log_bytes)
        self._attachment = Attachment(str(self.kernel_id), log, cluster, lambda: None)
        theirs = self._attachment.theirs.fileno()
        options = await super().pre_launch(**options)
        # Of jupyter_client's own environment, which is this process's, the token is no part.
        options["env"] = (
            kernel_environment(folder / "ipython", folder.parent)
            | context.clusters.environment(cluster.spec)
            | {process.ENV: str(folder), CLUSTER_FD: str(theirs)}
        )
        return options | {"cmd": [*options["cmd"], str(folder)], "pass_fds": (theirs,)}

    async def launch_kernel(self, cmd: list[str], **options: Any) -> Any:
        """Start the process; its output goes to the log, its end is that of its attachment."""
        assert self._attachment
        ours, theirs = os.pipe()
        try:
            found = await super().launch_kernel(cmd, **options, stdout=theirs, stderr=theirs)
        finally:
            os.close(theirs)
            self._attachment.theirs.close()
        output = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(output), os.fdopen(ours, "rb", 0)
        )
        log = self._attachment.log
        self._followed = (
            asyncio.create_task(log.take(output)),
            asyncio.create_task(self._end_with_cluster(self._attachment)),
        )
        return found

    async def _end_with_cluster(self, attachment: Attachment) -> None:
        attachment.log.write(f"{await attachment.lost()}\n".encode())
        await self.kill()

    async def cleanup(self, restart: bool = False) -> None:
        """End what the process has left, here and on its cluster."""
        await process.end(self._folder, 0)
        for task in self._followed:
            task.cancel()
        if self._attachment:
            attachment, self._attachment = self._attachment, None
            await attachment.close()
        if not restart:
            shutil.rmtree(self._folder, ignore_errors=True)
        await super().cleanup(restart)
