"""The JVMs of tasks: one waits for the next task, as a cluster does, when its own has succeeded.

Half and more of what a short job takes is the start of its JVM: classes are loaded, and what runs
is not compiled yet. So a JVM that has run a job runs the next one several times as quick. It
serves one task at a time, and each task brings a Python process and a SparkContext of its own. A
task that fails, is cancelled or leaves something behind takes its JVM with it.

A JVM reads from a pipe that this service holds, so it ends with the service, however that ends.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import shutil
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from contract.settings import Settings
from services.databricks.engine import process
from services.databricks.engine.log import CHUNK, BoundedLog

USES = 10
"""Tasks that a JVM serves: it grows by some 35 MiB with each."""
PORT_FILE = "_PYSPARK_DRIVER_CONN_INFO_PATH"
"""Variable of Spark's that names the file for where its JVM waits."""
START_LIMIT = 60.0
"""Seconds that a JVM may take to start."""
POLL = 0.02
"""Seconds between two looks whether it has started, about one in a hundred of what it takes."""


class JvmError(Exception):
    """A JVM has not started."""


@dataclass(frozen=True, slots=True)
class Gateway:
    """Where a JVM waits for its Python, as pyspark's ``launch_gateway`` reads it."""

    port: int
    secret: str

    @classmethod
    def read(cls, file: Path) -> Gateway:
        """Read what Spark's ``PythonGatewayServer`` has written: port, length, secret."""
        content = file.read_bytes()
        port, length = struct.unpack_from(">ii", content)
        return cls(port, content[8 : 8 + length].decode())

    @property
    def environment(self) -> dict[str, str]:
        """Variables that have pyspark come here, in place of starting a JVM of its own."""
        return {"PYSPARK_GATEWAY_PORT": str(self.port), "PYSPARK_GATEWAY_SECRET": self.secret}


class Jvm:
    """One JVM; what it prints goes to the log of the task that it serves."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self.folder, self.environment = folder, dict(environment)
        self.log: BoundedLog | None = None
        self.uses = 0
        self.timer: asyncio.TimerHandle | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._output = -1

    async def start(self, command: list[str]) -> None:
        """Start it and wait until it takes a Python.

        Raises:
            JvmError: it has ended, or is not there in time.
        """
        self.folder.mkdir(parents=True)
        self._output, output = os.pipe()
        os.set_blocking(self._output, False)
        asyncio.get_running_loop().add_reader(self._output, self.drain)
        try:
            self._process = await asyncio.create_subprocess_exec(
                *command,
                "services.databricks.runner.gateway",
                env=self.environment | {process.ENV: str(self.folder), PORT_FILE: str(self._file)},
                stdin=asyncio.subprocess.PIPE,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        finally:
            os.close(output)
        try:
            async with asyncio.timeout(START_LIMIT):
                while not self._file.exists() and self.lives:
                    await asyncio.sleep(POLL)
        except TimeoutError:
            raise JvmError(f"Spark's JVM was not there after {START_LIMIT:g} seconds") from None
        if not self.lives:
            raise JvmError(f"Spark's JVM ended with exit code {await self._process.wait()}")

    @property
    def _file(self) -> Path:
        return self.folder / "gateway"

    @property
    def gateway(self) -> Gateway:
        """Where it waits."""
        return Gateway.read(self._file)

    @property
    def lives(self) -> bool:
        """Whether it has not ended; its output ends before the loop receives its exit."""
        self.drain()
        return self._output >= 0 and self._process is not None and self._process.returncode is None

    def drain(self) -> None:
        """Put into the log all that was printed until now."""
        while self._output >= 0:
            try:
                chunk = os.read(self._output, CHUNK)
            except BlockingIOError:
                return
            if not chunk:
                self._close()
            elif self.log:
                self.log.write(chunk)

    def terminate(self) -> None:
        """Ask it to end; ``end`` waits until it has."""
        if self._process and self._process.returncode is None:
            self._process.terminate()

    async def end(self) -> None:
        """End it, and whatever it has started."""
        if self.timer:
            self.timer.cancel()
        await process.end(self.folder)
        self.drain()
        self._close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _close(self) -> None:
        if self._output >= 0:
            asyncio.get_running_loop().remove_reader(self._output)
            os.close(self._output)
            self._output = -1


class Jvms:
    """Those that serve a task and those that wait for one, never more than there are slots."""

    def __init__(self, settings: Settings, command: list[str], root: Path) -> None:
        self._command, self._root = command, root
        self._slots, self._seconds = settings.databricks_slots, settings.databricks_idle_seconds
        self._numbers = itertools.count()
        self._idle: list[Jvm] = []
        """The longest waiting first."""
        self._ending: set[asyncio.Task[None]] = set()
        self._serving = 0
        shutil.rmtree(root, ignore_errors=True)

    async def take(self, environment: Mapping[str, str], log: BoundedLog) -> Jvm | None:
        """A JVM with just this environment; none where each task is to start its own.

        Raises:
            JvmError: it has not started.
        """
        if not self._seconds:
            return None
        self._serving += 1
        try:
            while dead := next((jvm for jvm in self._idle if not jvm.lives), None):
                await self._end_idle(dead)
            fitting = [jvm for jvm in self._idle if jvm.environment == environment]
            if fitting:
                jvm = fitting[-1]
                self._wake(jvm)
                jvm.log = log
            else:
                jvm = await self._started(environment, log)
        except BaseException:
            self._serving -= 1
            raise
        jvm.uses += 1
        return jvm

    async def _started(self, environment: Mapping[str, str], log: BoundedLog) -> Jvm:
        while self._idle and len(self._idle) + self._serving > self._slots:
            await self._end_idle(self._idle[0])
        jvm = Jvm(self._root / str(next(self._numbers)), environment)
        jvm.log = log
        try:
            await jvm.start(self._command)
        except BaseException:
            await asyncio.shield(jvm.end())
            raise
        return jvm

    async def give_back(self, jvm: Jvm, clean: bool) -> None:
        """Let a JVM wait for the next task when this one has left it clean, else end it."""
        jvm.drain()
        self._serving -= 1
        if clean and jvm.lives and jvm.uses < USES:
            jvm.log = None
            loop = asyncio.get_running_loop()
            jvm.timer = loop.call_later(self._seconds, self._expire, jvm)
            self._idle.append(jvm)
        else:
            await jvm.end()

    async def close(self) -> None:
        """End those that wait."""
        while self._idle:
            await self._end_idle(self._idle[0])
        if self._ending:
            await asyncio.wait(self._ending)

    def _wake(self, jvm: Jvm) -> None:
        self._idle.remove(jvm)
        if jvm.timer:
            jvm.timer.cancel()

    async def _end_idle(self, jvm: Jvm) -> None:
        self._wake(jvm)
        await jvm.end()

    def _expire(self, jvm: Jvm) -> None:
        self._wake(jvm)
        ending = asyncio.create_task(jvm.end())
        self._ending.add(ending)
        ending.add_done_callback(self._ending.discard)
