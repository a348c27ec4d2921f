"""The streaming queries that the code of a task has started, and whether one has failed.

A query runs in the background, so it may fail while the code goes on. A task does not succeed when
one of its queries has failed, unless the code has dealt with it, since the code knows better:

- A call that waits for the query has raised the error in the task's main thread, and the code has
  caught it: ``awaitTermination``, ``processAllAvailable``, ``spark.streams.awaitAnyTermination``.
  To look at ``isActive`` or ``exception()`` is not enough: a notebook that prints them has not
  handled anything.
- The query was started again, from the same checkpoint or by the same name.

A query that the code stops has no error, whatever its batch was doing, nor has one that still runs
when the code stops the session.

Cells go on after a failure, as on Databricks, and the task fails at its end. While it waits for the
queries that still run, it fails at once.
"""

from __future__ import annotations

import contextlib
import functools
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from contract.causes import innermost
from services.databricks.runner.notebook.cells import Cell
from services.databricks.runner.outcome import formatted

if TYPE_CHECKING:
    from pyspark.sql.streaming import StreamingQuery

LOOK_MILLIS = 500
"""Milliseconds between two looks at all queries, while one is waited for."""


class StreamingQueryFailed(Exception):
    """A query has failed: which one, where it was started, and the innermost cause."""

    def __init__(self, message: str, trace: str) -> None:
        super().__init__(message)
        self.trace = trace


@dataclass
class _Started:
    """One query."""

    query: StreamingQuery
    id: str
    name: str | None
    where: str
    source: str
    batch_errors: list[Exception]
    """What the function of ``foreachBatch`` has raised; Spark keeps its text alone."""
    raised: list[BaseException] = field(default_factory=list)
    """The error, when a call of the task's code has raised it."""

    @property
    def java_error(self) -> Any:
        """The exception of Java with which it has ended, or None."""
        found = self.query._jsq.exception()
        return found.get() if found.isDefined() else None

    def failure(self) -> StreamingQueryFailed:
        """The error of a query that has failed."""
        from pyspark import SparkContext

        java = self.java_error
        error: Any = self.batch_errors[-1] if self.batch_errors else java.getCause() or java
        message = f"query {self.name or self.id}{self.where} failed: {innermost(error)}"
        assert SparkContext._jvm is not None
        trace = SparkContext._jvm.org.apache.spark.util.Utils.exceptionString(java)
        for error in self.batch_errors:
            trace += f"\n{formatted(error)}{getattr(error, '_stackTrace', '')}"
        return StreamingQueryFailed(message, f"{message}\n{self.source}\n{trace}")


class Queries:
    """Collects the queries of a task from ``watch`` on."""

    def __init__(self) -> None:
        self._started: list[_Started] = []
        self._ended: list[StreamingQueryFailed] = []
        """Failures of queries whose session has been stopped since."""
        self._lock = threading.Lock()  # code may start queries in threads
        self._where, self._source = "", ""

    def watch(self) -> None:
        """Note each query that is started from now on, and what the code does with it."""
        from pyspark import SparkContext
        from pyspark.sql import SparkSession
        from pyspark.sql.streaming.query import StreamingQuery, StreamingQueryManager
        from pyspark.sql.streaming.readwriter import DataStreamWriter

        started, for_each = DataStreamWriter._sq, DataStreamWriter.foreachBatch

        @functools.wraps(for_each)
        def foreach_batch(writer: Any, func: Callable[..., None]) -> Any:
            writer._batch_errors = errors = []

            @functools.wraps(func)
            def noted(batch: Any, batch_id: int) -> None:
                try:
                    func(batch, batch_id)
                except Exception as error:
                    errors.append(error)
                    raise

            return for_each(writer, noted)

        @functools.wraps(started)
        def start(writer: Any, java: Any) -> StreamingQuery:
            query = started(writer, java)
            self._add(query, getattr(writer, "_batch_errors", []))
            return query

        DataStreamWriter._sq = start
        DataStreamWriter.foreachBatch = foreach_batch
        for owner, name in (
            (StreamingQuery, "awaitTermination"),
            (StreamingQuery, "processAllAvailable"),
            (StreamingQueryManager, "awaitAnyTermination"),
        ):
            setattr(owner, name, self._noting(getattr(owner, name)))
        for session in (SparkSession, SparkContext):
            session.stop = self._before(session.stop)

    @contextlib.contextmanager
    def cell(self, cell: Cell, path: str) -> Iterator[None]:
        """Queries that are started within are those of a cell of the notebook at ``path``."""
        before = self._where, self._source
        self._where = f" of cell {cell.number} of {path}"
        self._source = "\n".join(f"    {line}" for line in cell.source.splitlines())
        try:
            yield
        finally:
            self._where, self._source = before

    def wait(self) -> None:
        """Wait until one has failed or none runs."""
        from pyspark.errors import StreamingQueryException

        while active := [one for one in self._started if one.query.isActive]:
            if self.failures():
                return
            with contextlib.suppress(StreamingQueryException):
                active[0].query._jsq.awaitTermination(LOOK_MILLIS)

    def failures(self) -> list[StreamingQueryFailed]:
        """The failures that the code has not dealt with, in the order of the queries."""
        return self._ended + [
            one.failure()
            for number, one in enumerate(self._started)
            if not one.raised
            and one.java_error is not None
            and not any(_same(one, later) for later in self._started[number + 1 :])
        ]

    def behind(self, error: BaseException, trace: str) -> StreamingQueryFailed | None:
        """The failure of a query that has reached the code as ``error``, with the code's trace."""
        for one in self._started:
            if error in one.raised:
                failure = one.failure()
                return StreamingQueryFailed(str(failure), f"{failure}\n{trace}\n{failure.trace}")
        return None

    def _add(self, query: StreamingQuery, errors: list[Exception]) -> None:
        started = _Started(query, query.id, query.name, self._where, self._source, errors)
        with self._lock:
            # A notebook may start one query after the other for days.
            self._started = [
                one for one in self._started if one.query.isActive or one.java_error is not None
            ]
            self._started.append(started)

    def _before(self, stop: Callable[..., None]) -> Callable[..., None]:
        """A method that stops the session: the queries that still run end with it, by intent."""

        @functools.wraps(stop)
        def stopping(*args: Any, **kwargs: Any) -> None:
            self._ended = self.failures()
            self._started.clear()
            stop(*args, **kwargs)

        return stopping

    def _noting(self, call: Callable[..., Any]) -> Callable[..., Any]:
        """A method that waits for queries, which notes what it raises."""
        from pyspark.errors import StreamingQueryException

        @functools.wraps(call)
        def noted(*args: Any, **kwargs: Any) -> Any:
            try:
                return call(*args, **kwargs)
            except StreamingQueryException as error:
                if threading.current_thread() is threading.main_thread():
                    for one in self._started:
                        if (java := one.java_error) and java.equals(error._origin):
                            one.raised.append(error)
                raise

        return noted


def _same(one: _Started, later: _Started) -> bool:
    """Whether a query was started again."""
    return one.id == later.id or (one.name is not None and one.name == later.name)
