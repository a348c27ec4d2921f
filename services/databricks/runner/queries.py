"""The streaming queries that the code of a task has started, and whether one has failed.

A query runs in the background, so it may fail while the code goes on. A task fails when one of its
queries has failed, unless the code has handled the failure:

- A call that waits for the query has raised the error in the task's main thread, and the code has
  caught it: ``awaitTermination``, ``processAllAvailable``, ``spark.streams.awaitAnyTermination``.
  Reading ``isActive`` or ``exception()`` is not enough: a notebook that prints them has not
  handled the error.
- The query was started again, from the same checkpoint or by the same name.

A query that the code stops has no error, even in the middle of a batch. The same holds for a query
that still runs when the code stops the session.

As on Databricks, the next cells still run after a failure, and the task fails at its end. A task
that only waits for its running queries fails at once.
"""

from __future__ import annotations

import contextlib
import functools
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from contract.causes import innermost
from services.databricks.notebook import Cell
from services.databricks.runner.outcome import formatted

if TYPE_CHECKING:
    from pyspark.sql.streaming import StreamingQuery

LOOK_MILLIS = 500
"""Milliseconds between two checks of all queries while waiting for one."""


class StreamingQueryFailed(Exception):
    """A query has failed; the message names it, its cell, and the innermost cause."""

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
    """Errors of the function of ``foreachBatch``, of which Spark keeps only the text."""
    raised: list[BaseException] = field(default_factory=list)
    """Errors of the query that calls of the task's code have raised."""

    @property
    def java_error(self) -> Any:
        """The Java exception with which the query has ended, or None."""
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


class _Place(threading.local):
    """The cell that a thread runs: its place and its source."""

    where = source = ""


class Queries:
    """Collects the queries of a task from ``watch`` on."""

    def __init__(self) -> None:
        self._started: list[_Started] = []
        self._ended: list[StreamingQueryFailed] = []
        """Failures of queries whose session has stopped."""
        self._lock = threading.Lock()  # code may start queries in threads
        self._place = _Place()
        self._on_start: Callable[[], None] = lambda: None

    def watch(self, on_start: Callable[[], None] = lambda: None) -> None:
        """Record each query from now on, and which of its errors the code receives.

        Args:
            on_start: is called after the start of each query.
        """
        self._on_start = on_start
        from pyspark import SparkContext
        from pyspark.sql import SparkSession
        from pyspark.sql.streaming.query import StreamingQuery, StreamingQueryManager
        from pyspark.sql.streaming.readwriter import DataStreamWriter

        started, for_each = DataStreamWriter._sq, DataStreamWriter.foreachBatch

        @functools.wraps(for_each)
        def foreach_batch(writer: Any, func: Callable[..., None]) -> Any:
            writer._batch_errors = errors = []

            @functools.wraps(func)
            def recorded(batch: Any, batch_id: int) -> None:
                try:
                    func(batch, batch_id)
                except Exception as error:
                    errors.append(error)
                    raise

            return for_each(writer, recorded)

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
            setattr(owner, name, self._recording(getattr(owner, name)))
        for session in (SparkSession, SparkContext):
            session.stop = self._ending_queries(session.stop)

    @contextlib.contextmanager
    def cell(self, cell: Cell, path: str) -> Iterator[None]:
        """Attribute queries that start in the block to a cell of the notebook at ``path``."""
        place, before = self._place, (self._place.where, self._place.source)
        place.where = f" of cell {cell.number} of {path}"
        place.source = "\n".join(f"    {line}" for line in cell.source.splitlines())
        try:
            yield
        finally:
            place.where, place.source = before

    def wait(self) -> None:
        """Wait until a query has failed or no query runs."""
        from pyspark.errors import StreamingQueryException

        while active := [one for one in self._started if one.query.isActive]:
            if self.failures():
                return
            with contextlib.suppress(StreamingQueryException):
                active[0].query._jsq.awaitTermination(LOOK_MILLIS)

    def failures(self) -> list[StreamingQueryFailed]:
        """The failures that the code has not handled, in the order of the queries."""
        return self._ended + [
            one.failure()
            for number, one in enumerate(self._started)
            if not one.raised
            and one.java_error is not None
            and not any(_is_restart(one, later) for later in self._started[number + 1 :])
        ]

    def behind(self, error: BaseException, trace: str) -> StreamingQueryFailed | None:
        """The failure of a query that a call has raised as ``error``, with the code's trace."""
        for one in self._started:
            if error in one.raised:
                failure = one.failure()
                return StreamingQueryFailed(str(failure), f"{failure}\n{trace}\n{failure.trace}")
        return None

    def _add(self, query: StreamingQuery, errors: list[Exception]) -> None:
        started = _Started(
            query, query.id, query.name, self._place.where, self._place.source, errors
        )
        with self._lock:
            # A notebook may start one query after another for days.
            self._started = [
                one for one in self._started if one.query.isActive or one.java_error is not None
            ]
            self._started.append(started)
        self._on_start()

    def _ending_queries(self, stop: Callable[..., None]) -> Callable[..., None]:
        """Wrap a method that stops the session: its running queries then end without a failure."""

        @functools.wraps(stop)
        def stopping(*args: Any, **kwargs: Any) -> None:
            self._ended = self.failures()
            self._started.clear()
            stop(*args, **kwargs)

        return stopping

    def _recording(self, call: Callable[..., Any]) -> Callable[..., Any]:
        """Wrap a method that waits for queries, to record the errors that it raises."""
        from pyspark.errors import StreamingQueryException

        @functools.wraps(call)
        def recorded(*args: Any, **kwargs: Any) -> Any:
            try:
                return call(*args, **kwargs)
            except StreamingQueryException as error:
                if threading.current_thread() is threading.main_thread():
                    for one in self._started:
                        if (java := one.java_error) and java.equals(error._origin):
                            one.raised.append(error)
                raise

        return recorded


def _is_restart(one: _Started, later: _Started) -> bool:
    """Whether a query was started again."""
    return one.id == later.id or (one.name is not None and one.name == later.name)
