"""Clusters: JVMs with one SparkContext each, to which the processes of tasks attach.

A cluster lives until it has been idle for ``CLUSTER_IDLE_SECONDS``. A process attaches when its
code makes its first session, so a task without Spark needs no cluster. What a process leaves behind
ends with it; the context, cached tables and global temporary views stay.

    all-purpose   ``existing_cluster_id``: the same for every id but those of clusters/create
    job cluster   ``new_cluster``: an idle one with the same settings, else one of its own

Without a MySQL server the metastore is an embedded Derby, for one JVM at a time. Tasks with equal
settings then share a cluster even while it is busy; any other waits until that one is idle.

A cluster reads from a pipe that this service holds, so it ends with the service, however that ends.
"""

import asyncio
import contextlib
import itertools
import json
import shlex
import shutil
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import psutil

from contract.errors import PipelineError
from contract.secrets import secret
from contract.settings import Settings
from contract.values import runtime
from services.databricks.engine import process
from services.databricks.engine.environment import environment
from services.databricks.engine.log import CHUNK, BoundedLog
from services.databricks.engine.runtimes import session_conf
from services.databricks.runner.dbutils.dbfs import Dbfs
from services.databricks.store.database import now

START_LIMIT = 120.0
"""Seconds that a cluster may take to start."""
DETACH_LIMIT = 15.0
"""Seconds that the queries and jobs of a process may take to end."""
MEMORY_BYTES = 1_610_612_736
"""Resident memory beyond which an idle cluster is replaced: it grows with what tasks leave."""
ALL_PURPOSE, JOB_CLUSTER = "local", "job-"
"""Id of the all-purpose cluster, and the beginning of the ids of job clusters."""
METASTORE_CONF = Path("spark/conf/metastore.conf")
"""Settings of Spark's file format; those of the metastore's server."""
SPARK_UI = "/sparkui"
"""Path of this service below which the UI of each cluster is, by its id."""


def conf(dbfs: Dbfs) -> dict[str, str]:
    """Settings of every cluster: DBFS, the warehouse and Spark's UI."""
    found = {f"spark.hadoop.{name}": value for name, value in dbfs.hadoop().items()}
    return found | {
        "spark.sql.warehouse.dir": "dbfs:/user/hive/warehouse",
        "spark.sql.sources.default": "delta",
        "spark.ui.enabled": "true",
        "spark.ui.port": "0",
        "spark.ui.killEnabled": "false",
        # What the UI keeps of ended work, in the memory of the JVM.
        "spark.ui.retainedJobs": "100",
        "spark.ui.retainedStages": "100",
        "spark.ui.retainedTasks": "2000",
        "spark.sql.ui.retainedExecutions": "100",
        "spark.sql.streaming.ui.retainedQueries": "20",
    }


def metastore_conf(settings: Settings) -> dict[str, str]:
    """Settings of the metastore: a server's, an embedded one's, or none: the JVM keeps tables."""
    if not (settings.metastore_url or settings.metastore_folder):
        return {}
    lines = METASTORE_CONF.read_text(encoding="utf-8").splitlines()
    found = dict(line.split(maxsplit=1) for line in lines if line and not line.startswith("#"))
    if not settings.metastore_url:
        found = {name: value for name, value in found.items() if ".jdo." not in name}
        url = f"jdbc:derby:;databaseName={settings.metastore_folder};create=true"
        found["spark.hadoop.javax.jdo.option.ConnectionURL"] = url
        found["spark.hadoop.datanucleus.schema.autoCreateAll"] = "true"
    return found


class ClusterError(Exception):
    """A cluster has not started, or has ended."""


class State(StrEnum):
    """States of the Clusters API."""

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    TERMINATING = "TERMINATING"
    TERMINATED = "TERMINATED"


def _pairs(named: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((str(name), str(value)) for name, value in named.items()))


@dataclass(frozen=True)
class Spec:
    """What decides whether a running cluster can serve a task."""

    version: str
    conf: tuple[tuple[str, str], ...] = ()
    environment: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, cluster: Mapping[str, Any], default: str) -> "Spec":
        """The spec of a ``new_cluster``, or of the body of clusters/create."""
        version = cluster.get("spark_version") or default
        try:
            runtime(version)
        except ValueError:  # a job that was stored before versions were checked
            version = default
        return cls(
            version,
            _pairs(cluster.get("spark_conf", {})),
            _pairs(cluster.get("spark_env_vars", {})),
        )


@dataclass(frozen=True, slots=True)
class Attached:
    """A process on a cluster: its log, and the reason when it has lost the cluster."""

    log: BoundedLog
    lost: asyncio.Future[str]


class Cluster:
    """One cluster: its JVM while it runs, and the processes that are attached to it."""

    def __init__(
        self, clusters: "Clusters", cluster_id: str, name: str, spec: Spec, idle_seconds: int
    ) -> None:
        self._clusters, self.cluster_id, self.name, self.spec = clusters, cluster_id, name, spec
        self.idle_seconds = idle_seconds
        self.state, self.message = State.TERMINATED, ""
        self.started_time = self.ended_time = 0
        self.ui_url = ""
        """Where the JVM serves Spark's UI, on this machine."""
        self.attached: dict[str, Attached] = {}
        """Attached processes by their names."""
        self.reserved = 0
        """Tasks that run on the cluster, whether or not their processes have attached."""
        self._folder = clusters.root / cluster_id
        self.log = BoundedLog(self._folder, clusters.log_bytes)
        """What the JVM has printed."""
        self._process: asyncio.subprocess.Process | None = None
        self._replies: dict[tuple[str, str], asyncio.Future[dict[str, Any]]] = {}
        self._starting: asyncio.Task[None] | None = None
        self._reading: asyncio.Task[None] | None = None
        self._ending: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._served = False
        """Whether a process has attached since the start of the JVM."""
        self.waits = False
        """Whether it waits for another to end before its JVM starts."""

    @property
    def idle(self) -> bool:
        """Whether no task runs on it."""
        return not self.attached and not self.reserved

    def rest(self) -> None:
        """Let an idle cluster end after its time, at once if its JVM has not started yet."""
        if self.idle and self.waits:
            self._clusters.follow(self.end("its tasks have ended"))
        elif self.idle and self.state is State.RUNNING:
            if self._timer:
                self._timer.cancel()
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self.idle_seconds, self._expire)
        self._clusters.announce()

    async def start(self, log: BoundedLog | None = None) -> None:
        """Start the JVM, unless it runs.

        Args:
            log: says so if another cluster has to end first.

        Raises:
            ClusterError: it has ended, or is not ready in time.
        """
        if self._timer:
            self._timer.cancel()
        if self._starting is None or (self._starting.done() and self.state is not State.RUNNING):
            self._starting = asyncio.create_task(self._start())
        busy = self._clusters.in_the_way(self)
        if log and busy and not busy.idle and not self._starting.done():
            log.write(f"{self._waiting_message(busy)}\n".encode())
        # Shielded: others may wait for the same start.
        await asyncio.shield(self._starting)

    async def attach(self, name: str, log: BoundedLog) -> dict[str, Any]:
        """Attach a process; return what pyspark needs to connect.

        What the JVM prints from now on also goes to ``log``.

        Raises:
            ClusterError: the cluster has not started, or has ended.
        """
        await self.start(log)
        reply = await self._ask("attach", "attached", name)
        self.attached[name] = Attached(log, asyncio.get_running_loop().create_future())
        first, self._served = not self._served, True
        return {**reply, "first": first}

    async def detach(self, name: str) -> None:
        """End what a process has left: its sessions, streaming queries and jobs."""
        try:
            async with asyncio.timeout(DETACH_LIMIT):
                await self._ask("detach", "detached", name)
        except (TimeoutError, ClusterError) as error:
            self.log.write(f"{name} has not detached: {error or 'time-out'}\n".encode())
        del self.attached[name]
        if self.idle and self._memory() > MEMORY_BYTES:
            await self.end("replaced, as it has grown")

    async def end(self, reason: str) -> None:
        """End the JVM, and whatever it has started."""
        if self._timer:
            self._timer.cancel()
        if self.state in (State.PENDING, State.RUNNING):
            self.state, self.message = State.TERMINATING, reason
            self._lose(reason)
            self._clusters.announce()
            self._ending = self._clusters.follow(self._end())
        if self._ending:
            await asyncio.shield(self._ending)

    async def _end(self) -> None:
        await process.end(self._folder)
        if self._reading:
            await self._reading
        self.state, self.ended_time = State.TERMINATED, now()
        self._clusters.announce()

    async def _start(self) -> None:
        if self._ending:
            await asyncio.shield(self._ending)
        self.state, self.message, self.started_time = State.PENDING, "", now()
        self._served = False
        self._clusters.register(self)
        try:
            await self._await_turn()
            await self._clusters.end_idle(self)
            self._process = await self._spawn()
        except (PipelineError, OSError) as error:
            self.state, self.message, self.ended_time = State.TERMINATED, str(error), now()
            self._clusters.announce()
            raise ClusterError(f"Cluster {self.cluster_id} can't start: {error}") from error
        ready = self._expect("ready", "")
        self._reading = self._clusters.follow(self._read(self._process))
        if self.state is not State.PENDING:  # it was ended meanwhile
            await process.end(self._folder)
            raise ClusterError(self._lost_message())
        try:
            async with asyncio.timeout(START_LIMIT):
                self.ui_url = (await ready)["ready"]
        except TimeoutError:
            await self.end(f"not ready after {START_LIMIT:g} seconds")
            raise ClusterError(self._lost_message()) from None
        self.state = State.RUNNING

    async def _await_turn(self) -> None:
        """Wait until no other cluster is in the way; end one that is idle.

        Raises:
            ClusterError: this one was ended meanwhile.
        """
        self.waits = True
        while self.state is State.PENDING and (busy := self._clusters.in_the_way(self)):
            self.message = self._waiting_message(busy)
            if busy.idle:
                await busy.end("another cluster needed its memory")
            else:
                await self._clusters.changed.wait()
        self.waits = False
        if self.state is not State.PENDING:
            raise ClusterError(self._lost_message())
        self.message = ""

    def _waiting_message(self, busy: "Cluster") -> str:
        return (
            f"Cluster {self.cluster_id} waits until {busy.cluster_id} runs no tasks: without a "
            "MySQL server the metastore is an embedded Derby, for one cluster at a time"
        )

    async def _spawn(self) -> asyncio.subprocess.Process:
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(parents=True)
        more = {"spark.ui.proxyBase": f"{SPARK_UI}/{self.cluster_id}"}
        return await asyncio.create_subprocess_exec(
            *self._clusters.command,
            "services.databricks.runner.launch",
            env=self._clusters.environment(self.spec, more)
            | self._clusters.of_jvm
            | {process.ENV: str(self._folder)},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )

    async def _read(self, jvm: asyncio.subprocess.Process) -> None:
        """Take the replies and the output of the JVM until it ends."""
        assert jvm.stdout is not None
        assert jvm.stderr is not None
        printed = asyncio.create_task(self._print(jvm.stderr))
        async for line in jvm.stdout:
            with contextlib.suppress(ValueError):
                reply = json.loads(line)
                kind = next(iter({"ready", "attached", "detached"} & reply.keys()))
                key = (kind, "" if kind == "ready" else reply[kind])
                if (future := self._replies.pop(key, None)) and not future.done():
                    future.set_result(reply)
        if self.state in (State.PENDING, State.RUNNING):
            reason = process.describe_exit("Spark's JVM", await jvm.wait())
            await process.end(self._folder, 0)
            await printed
            self.state, self.ended_time = State.TERMINATED, now()
            self._lose(reason)
            self._clusters.announce()

    async def _print(self, output: asyncio.StreamReader) -> None:
        while chunk := await output.read(CHUNK):
            for log in (self.log, *(one.log for one in self.attached.values())):
                log.write(chunk)

    def _lose(self, reason: str) -> None:
        """Fail what waits for the JVM."""
        self.message = reason
        for future in self._replies.values():
            if not future.done():
                future.set_exception(ClusterError(self._lost_message()))
        self._replies.clear()
        for one in self.attached.values():
            if not one.lost.done():
                one.lost.set_result(self._lost_message())

    def _lost_message(self) -> str:
        return f"Cluster {self.cluster_id} was terminated: {self.message}"

    def _expect(self, kind: str, name: str) -> asyncio.Future[dict[str, Any]]:
        future = asyncio.get_running_loop().create_future()
        self._replies[(kind, name)] = future
        return future

    async def _ask(self, request: str, kind: str, name: str) -> dict[str, Any]:
        if self.state is not State.RUNNING or not self._process or not self._process.stdin:
            raise ClusterError(self._lost_message())
        reply = self._expect(kind, name)
        self._process.stdin.write(f"{request} {name}\n".encode())
        found = await reply
        if "error" in found:
            raise ClusterError(f"Cluster {self.cluster_id} failed to {request}: {found['error']}")
        return found

    def _expire(self) -> None:
        if self.idle:
            self._clusters.follow(self.end(f"idle for {self.idle_seconds} seconds"))

    def _memory(self) -> int:
        """Resident bytes of the JVM."""
        try:
            return int(psutil.Process(self._process.pid).memory_info().rss) if self._process else 0
        except psutil.Error:
            return 0


class Clusters:
    """All clusters of the service."""

    def __init__(self, settings: Settings, root: Path, dbfs: Path) -> None:
        self._settings, self.root, self._dbfs = settings, root.resolve(), Dbfs(dbfs)
        self._embedded = bool(settings.metastore_folder and not settings.metastore_url)
        self._metastore = metastore_conf(settings)
        self.command = shlex.split(settings.databricks_command)
        self.log_bytes = settings.databricks_log_bytes
        self._named: dict[str, Cluster] = {}
        self.all_purpose = self.add(ALL_PURPOSE, ALL_PURPOSE, Spec(settings.cluster_spark_version))
        self._jobs: dict[str, Cluster] = {}
        self._numbers = itertools.count(1)
        self._followed: set[asyncio.Task[None]] = set()
        self.changed = asyncio.Event()
        """Wakes clusters that wait: a task or a cluster has ended."""
        shutil.rmtree(root, ignore_errors=True)

    def named(self, cluster_id: str) -> Cluster:
        """The cluster that ``existing_cluster_id`` means."""
        return self._named.get(cluster_id, self.all_purpose)

    def for_job(self, spec: Spec) -> Cluster:
        """An idle job cluster with this spec, or a new one; see above for an embedded metastore."""
        for cluster in self._jobs.values():
            is_free = cluster.idle and cluster.state is State.RUNNING
            if cluster.spec == spec and (is_free or self._embedded):
                return cluster
        self._forget_ended()
        cluster_id = f"{JOB_CLUSTER}{next(self._numbers)}"
        cluster = Cluster(self, cluster_id, cluster_id, spec, self._settings.cluster_idle_seconds)
        return self._jobs.setdefault(cluster_id, cluster)

    def add(
        self, cluster_id: str, name: str, spec: Spec, idle_seconds: int | None = None
    ) -> Cluster:
        """Add a cluster that tasks name by its id."""
        if idle_seconds is None:
            idle_seconds = self._settings.cluster_idle_seconds
        cluster = Cluster(self, cluster_id, name, spec, idle_seconds)
        return self._named.setdefault(cluster_id, cluster)

    def remove(self, cluster_id: str) -> bool:
        """Forget a cluster that clusters/create has made; return whether it is one."""
        return cluster_id != ALL_PURPOSE and self._named.pop(cluster_id, None) is not None

    def start(self, cluster: Cluster) -> None:
        """Start a cluster in the background; its state and message say how that ends."""

        async def started() -> None:
            with contextlib.suppress(ClusterError):
                await cluster.start()

        self.follow(started())

    @property
    def all_named(self) -> list[Cluster]:
        """The clusters that tasks and kernels name by their ids."""
        return list(self._named.values())

    @property
    def all(self) -> list[Cluster]:
        """Every cluster that exists: named ones, and job clusters until they are forgotten."""
        return [*self._named.values(), *self._jobs.values()]

    @property
    def running(self) -> list[Cluster]:
        """Clusters that run or start."""
        return [one for one in self.all if one.state in (State.PENDING, State.RUNNING)]

    def register(self, started: Cluster) -> None:
        """List a cluster that starts: it may have been forgotten while a run still held it."""
        if started.cluster_id not in self._named:
            self._jobs[started.cluster_id] = started

    async def end_idle(self, started: Cluster) -> None:
        """End the clusters that have been idle for longest, while more run than may."""
        others = sorted(self.running, key=lambda one: one.started_time)
        idle = [one for one in others if one.idle and one is not started]
        for cluster in idle[: max(len(others) - self._settings.databricks_slots, 0)]:
            await cluster.end("another cluster needed its memory")

    def in_the_way(self, started: Cluster) -> Cluster | None:
        """The cluster that must end before another starts, as the metastore is for one JVM."""
        others = (one for one in self.all if one is not started and not one.waits)
        busy = (one for one in others if one.state is not State.TERMINATED)
        return next(busy, None) if self._embedded else None

    def announce(self) -> None:
        """Wake the clusters that wait."""
        self.changed.set()
        self.changed.clear()

    def find(self, cluster_id: str) -> Cluster | None:
        """A cluster by its id."""
        return self._named.get(cluster_id) or self._jobs.get(cluster_id)

    def environment(self, spec: Spec, more: Mapping[str, str] | None = None) -> dict[str, str]:
        """Variables of the processes of a cluster: the service's without the token, and its own."""
        found = environment(self._settings, dict(spec.environment))
        given = dict(spec.conf)
        defaults = session_conf(runtime(spec.version), given)
        every = conf(self._dbfs) | self._metastore | dict(more or {}) | defaults | given
        options = shlex.join(part for item in every.items() for part in ("--conf", "=".join(item)))
        found["SPARK_OPTIONS"] = f"{found.get('SPARK_OPTIONS', '')} {options}".strip()
        return found

    @property
    def of_jvm(self) -> dict[str, str]:
        """Variables of a cluster's JVM that the processes of its tasks lack."""
        if self._embedded:
            # Derby's log would be in the working folder.
            return {"SPARK_SUBMIT_OPTS": "-Dderby.stream.error.file=/dev/null"}
        if not self._metastore:
            return {}
        file = self._settings.metastore_password_file
        return {"METASTORE_PASSWORD": secret("METASTORE_PASSWORD_FILE", file)}

    def follow(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run a coroutine in the background."""
        task = asyncio.create_task(work)
        self._followed.add(task)
        task.add_done_callback(self._followed.discard)
        return task

    async def close(self) -> None:
        """End every cluster."""
        await asyncio.gather(*(cluster.end("the service was stopped") for cluster in self.running))
        if self._followed:
            await asyncio.wait(self._followed)

    def _forget_ended(self) -> None:
        for cluster_id, cluster in list(self._jobs.items()):
            if cluster.state is State.TERMINATED and cluster.idle:
                shutil.rmtree(self.root / cluster_id, ignore_errors=True)
                del self._jobs[cluster_id]
