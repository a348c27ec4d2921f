"""The cluster of a task, as the task's process uses it.

pyspark attaches to the cluster when the task's code makes its first session: it connects to a Py4J
server of its own in the cluster's JVM, and uses the context there. A session that code builds
belongs to this process. ``spark.stop()`` and ``sc.stop()`` end the sessions, queries and jobs of
this process alone; the next ``getOrCreate`` gives a new session.
"""

import functools
import json
import os
import select
import signal
import socket
import threading
from collections.abc import Callable
from typing import Any, NoReturn

FD = "DATABRICKS_CLUSTER_FD"
"""Variable with the number of the socket on which the service attaches this process."""


class ClusterLostError(Exception):
    """The cluster has not started, or has ended."""


class ClusterLink:
    """The process's connection to the service, for requests about its cluster."""

    def __init__(self) -> None:
        self._socket = socket.socket(fileno=int(os.environ.pop(FD)))
        self._socket.set_inheritable(False)
        self._replies = self._socket.makefile("rb")
        threading.Thread(target=self._end_with_service, daemon=True).start()
        self._asked = False
        """Whether a reply is to come: an interrupted request is not sent again."""
        self.name = ""
        self.is_first = False
        """Whether the cluster has just started, and no other process has attached before."""

    def _end_with_service(self) -> None:
        """End this process once the service has ended, however: nobody could end it later."""
        poll = select.poll()
        poll.register(self._socket, 0)
        while not any(event & (select.POLLHUP | select.POLLERR) for _, event in poll.poll()):
            pass
        os.kill(os.getpid(), signal.SIGKILL)

    def attach(self) -> None:
        """Attach to the cluster, which may have to start first.

        Raises:
            ClusterLostError: the cluster has not started.
        """
        if not self._asked:
            self._asked = True
            self._socket.sendall(b"attach\n")
        reply = json.loads(self._replies.readline() or b'{"error": "the service has ended"}')
        self._asked = False
        if "error" in reply:
            raise ClusterLostError(reply["error"])
        self.name, self.is_first = reply["attached"], reply["first"]
        os.environ["PYSPARK_GATEWAY_PORT"] = str(reply["port"])
        os.environ["PYSPARK_GATEWAY_SECRET"] = reply["secret"]

    def report_streaming(self) -> None:
        """Report that a streaming query has started, so that others need not wait for this task."""
        self._socket.sendall(b"streaming\n")


class _StoppedContext:
    """Stands for the context after ``stop``: each use of it is an error, as in open Spark."""

    def __bool__(self) -> bool:
        return False

    def __getattr__(self, name: str) -> NoReturn:
        raise RuntimeError(
            "Cannot call methods on a stopped SparkContext: the task has stopped its session, and "
            "SparkSession.builder.getOrCreate() gives a new one"
        )


def cancel_jobs() -> None:
    """End this process's jobs, in a handler of a signal in the main thread.

    A call of the JVM may wait for its answer there. This one, and those after it, use another
    connection.
    """
    from pyspark import SparkContext
    from pyspark.sql import SparkSession

    context, gateway = SparkContext._active_spark_context, SparkContext._gateway
    if context and gateway:
        client = gateway._gateway_client
        if client.get_thread_connection() not in client.deque:  # it is in use
            client.thread_connection.connection = None
        context.cancelAllJobs()
        if session := SparkSession._instantiatedSession:
            sessions = SparkSession._get_j_spark_session_class(session._jvm)
            sessions.setActiveSession(session._jsparkSession)


def attach_pyspark(link: ClusterLink, on_session: Callable[[Any], None]) -> None:
    """Let pyspark use the cluster, from the first session on.

    Args:
        link: the connection to the service.
        on_session: is called with each new session.
    """
    from pyspark.core import context
    from pyspark.core.context import SparkContext
    from pyspark.logger import PySparkLogger
    from pyspark.sql import SparkSession, SQLContext

    # They print Java's stack for each error of a query, even for one that the code catches.
    for name in ("DataFrameQueryContextLogger", "SQLQueryContextLogger"):
        PySparkLogger.getLogger(name).disabled = True
    launch, init, stop = context.launch_gateway, SparkSession.__init__, SparkContext.stop

    def launch_gateway(*arguments: Any) -> Any:
        link.attach()
        return launch(*arguments)

    def cluster() -> Any:
        assert SparkContext._jvm is not None
        return SparkContext._jvm.io.github.pinterestpipeline.cluster.Cluster

    @functools.wraps(init)
    def make_session(
        self: Any, context: Any, java: Any = None, options: dict[str, Any] | None = None
    ) -> None:
        init(self, context, java or cluster().newSession(link.name), options or {})
        if SparkSession._instantiatedSession is None:
            SparkSession._instantiatedSession = SparkSession._activeSession = self
        # A format can be registered once in a session, and Spark looks for it in the active one.
        sessions = SparkSession._get_j_spark_session_class(self._jvm)
        sessions.setActiveSession(self._jsparkSession)
        on_session(self)
        sessions.setActiveSession(SparkSession._instantiatedSession._jsparkSession)

    @functools.wraps(stop)
    def stop_context(self: Any) -> None:
        if getattr(self, "_jsc", None):
            cluster().cancel(link.name)
            self._jsc = None  # the context is the cluster's, and lives on
        stop(self)
        self._jsc = _StoppedContext()
        SparkSession._instantiatedSession = SparkSession._activeSession = None
        SQLContext._instantiatedContext = None

    context.launch_gateway = launch_gateway
    SparkContext._initialize_context = lambda *_: cluster().context()
    SparkContext.stop = stop_context
    SparkContext.cancelAllJobs = lambda *_: cluster().cancelJobs(link.name)
    SparkSession.__init__ = make_session
    # The JVM's default session belongs to no process.
    SparkSession._should_update_active_session = staticmethod(lambda: False)
    SparkSession.newSession = lambda self: SparkSession(self._sc)
    SparkSession.stop = lambda self: self._sc.stop()
