"""Sends rows on a route, from several threads, until each is settled once.

A row is settled when a response reports it as stored or as rejected for good. When the attempts run
out it counts as failed, and stays in flight in the outbox for the next run. Without a response the
outcome is unknown and the row is sent again: it may be stored twice, which is normal input.

Rows of one entity and key are stored in the order of ``send``, however many requests are in
flight: a delivery starts when no earlier one with a common key is unsettled, and rows that follow
a failed row of their key in a request are sent again after it.
"""

from __future__ import annotations

import time
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import inf
from threading import Condition, Event, Thread

import requests

from emulator.delivery.accounting import Accounting
from emulator.delivery.attempt import Attempt, attempt
from emulator.delivery.outbox import Outbox
from emulator.delivery.request import Outcome, Request, Route, Row
from emulator.delivery.request import requests as split
from emulator.delivery.retry import Retry

GRACE = 8.0
"""Seconds for requests in flight once a run is stopped; Docker kills after ten."""

_IN_A_ROW = 3
"""Consecutive requests without a response after which the gateway counts as gone."""


@dataclass(eq=False, slots=True)
class _Delivery:
    """A request and its attempts; its rows shrink to the unsettled ones."""

    request: Request
    keys: frozenset[int]
    """Keys of all its rows, the settled ones included."""
    after: set[_Delivery] = field(default_factory=set)
    """The earlier deliveries that share a key with this one."""


class Sender:
    """Sends rows on a route with ``in_flight`` requests at a time, and up to ``most`` if needed.

    With one in flight the requests are sent in the order of ``send``. With more, a request waits
    only for earlier ones that share a key: the rows of one key arrive in order, others may
    overtake each other.

    Args:
        route: builds the requests and reads the responses.
        outbox: has the rows, and stores each attempt.
        accounting: counts the outcomes of the rows.
        stopping: set when the run is stopped; nothing is retried after that.
        in_flight: concurrent requests; the same number may wait.
        most: limit up to which ``send`` may raise ``in_flight``.
        retry: limits of the attempts at a request.
        report: receives progress messages, one line each.
    """

    def __init__(
        self,
        route: Route,
        outbox: Outbox,
        accounting: Accounting,
        stopping: Event,
        *,
        in_flight: int = 1,
        most: int = 1,
        retry: Retry | None = None,
        report: Callable[[str], object] = lambda line: None,
    ) -> None:
        self._route, self._outbox, self._accounting = route, outbox, accounting
        self._stopping, self._retry, self._report = stopping, retry or Retry(), report
        self._most = max(in_flight, most)
        self._changed = Condition()
        """Lock of the fields below; notified when a delivery begins or is settled."""
        self._unsettled: set[_Delivery] = set()
        self._waiting: deque[_Delivery] = deque()
        self._latest: defaultdict[str, dict[int, _Delivery]] = defaultdict(dict)
        """The last unsettled delivery of each entity and key."""
        self._given_up = 0
        self._reported_at = 0.0
        self._closed = False
        self._deadline = 0.0
        self._threads: list[Thread] = []
        self.gone = Event()
        """Set when nothing more can be sent: the gateway is gone, or ``error`` is set."""
        self.error: BaseException | None = None
        """Error of this program or its outbox; never one that a response reports."""
        self.waited = 0.0
        """Seconds that ``send`` has waited for a request to end."""
        for _ in range(in_flight):
            self._start_thread()

    @property
    def in_flight(self) -> int:
        """Concurrent requests."""
        return len(self._threads)

    def send(self, rows: Sequence[Row], by: float = inf) -> None:
        """Send rows of one entity; block while ``in_flight`` requests are waiting.

        Once the run is stopped it blocks no longer than ``GRACE``: then the rows fail.

        Args:
            rows: the rows of one or more requests.
            by: deadline of the wait, in seconds of ``time.monotonic``. After it ``in_flight`` is
                raised by one, up to ``most``.
        """

        def capacity() -> bool:
            full = len(self._waiting) >= self.in_flight
            if full and self.in_flight < self._most and time.monotonic() > by:
                self._start_thread()
                return True
            return not full

        for request in split(self._route, rows[0].entity, rows):
            begun = time.monotonic()
            with self._changed:
                delivery = self._begin(request)
                if self._await(capacity):
                    self._waiting.append(delivery)
                    self._changed.notify_all()
                else:
                    self._fail(delivery, "not sent: the run was stopped")
            self.waited += time.monotonic() - begun

    def drain(self) -> bool:
        """Wait until every row is settled; once the run is stopped, no longer than ``GRACE``.

        Returns whether every row was settled by a response or by its last attempt.
        """
        with self._changed:
            settled = self._await(lambda: not self._unsettled)
            self._waiting.clear()
            for delivery in list(self._unsettled):
                self._fail(delivery, "not answered before the run was stopped")
        return settled

    def close(self) -> None:
        """Settle every row and end the threads."""
        settled = self.drain()
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        if settled:
            # Threads may still be writing to the outbox. One that never gets its response is not
            # joined: it ends with the program.
            for thread in self._threads:
                thread.join()

    def _await(self, condition: Callable[[], bool]) -> bool:
        """Wait for ``condition``; once the run is stopped, until ``GRACE`` is over for all."""
        while not self._changed.wait_for(condition, timeout=0.1):
            if self._stopping.is_set():
                self._deadline = self._deadline or time.monotonic() + GRACE
                if time.monotonic() > self._deadline:
                    return False
        return True

    def _start_thread(self) -> None:
        name = f"sender-{len(self._threads)}"
        self._threads.append(Thread(target=self._work, name=name, daemon=True))
        self._threads[-1].start()

    def _begin(self, request: Request) -> _Delivery:
        """Count the rows of ``request`` as sent, and track them until they are settled."""
        delivery = _Delivery(request, frozenset(row.key for row in request.rows))
        self._accounting.sent(request.rows)
        latest = self._latest[request.rows[0].entity.name]
        delivery.after.update(latest[key] for key in delivery.keys & latest.keys())
        latest.update(dict.fromkeys(delivery.keys, delivery))
        self._unsettled.add(delivery)
        return delivery

    def _next(self) -> _Delivery | None:
        """The first waiting delivery that may start."""
        for delivery in self._waiting:
            delivery.after &= self._unsettled
            if not delivery.after:
                return delivery
        return None

    def _work(self) -> None:
        with requests.Session() as session:
            while True:
                with self._changed:
                    self._changed.wait_for(lambda: self._closed or self._next())
                    delivery = self._next()
                    if delivery is None:
                        return
                    self._waiting.remove(delivery)
                    self._changed.notify_all()
                try:
                    self._deliver(session, delivery)
                except BaseException as error:  # the thread would end without a report
                    self._abort(error)
                    self._fail(delivery, f"{type(error).__name__}: {error}")

    def _deliver(self, session: requests.Session, delivery: _Delivery) -> None:
        """Send a delivery until each of its rows is settled."""
        started = time.monotonic()
        attempts = 0
        while True:
            if self.gone.is_set():
                self._fail(delivery, "not sent: the gateway is gone")
                return
            attempts += 1
            with self._changed:
                self._accounting.attempt()
            request = delivery.request
            result = attempt(session, self._route, request, self._retry.timeout)
            again = self._settle(delivery, result)
            if not again:
                return
            reason = next(o.error or "" for o in result.outcomes if o.again)
            delay = self._retry.delay(attempts, result.retry_after)
            late = time.monotonic() + delay - started > self._retry.seconds
            if late or self._given_up or self._stopping.wait(delay):
                self._give_up(delivery, reason)
                return
            self._report_seldom(f"{request.rows[0].entity.name}: {reason}; trying again")
            with self._changed:
                self._accounting.retried(again)

    def _settle(self, delivery: _Delivery, attempt: Attempt) -> list[Row]:
        """Store and count the rows that an attempt settles; return those that need another one.

        A stored row is sent again if an earlier row of its key is, which would else be stored last.
        """
        outcomes = attempt.outcomes
        stored: list[Row] = []
        again: list[Row] = []
        refused: list[Outcome] = []
        late: set[int] = set()
        for outcome in outcomes:
            if outcome.again or (outcome.stored and outcome.row.key in late):
                again.append(outcome.row)
                late.add(outcome.row.key)
            elif outcome.stored:
                stored.append(outcome.row)
            else:
                refused.append(outcome)
        if refused:
            row = refused[0].row
            self._report_seldom(f"{row.entity.name} {row.key}: {refused[0].error}")
        left = {row.id for row in again}
        self._outbox.settle(delivery.request, attempt.status, outcomes, left)
        with self._changed:
            if delivery not in self._unsettled:
                return []
            if len(again) < len(outcomes):
                self._given_up = 0
            self._accounting.acknowledged(stored)
            if not again:
                self._end(delivery)
            elif len(again) < len(outcomes):
                delivery.request = self._route.request(again[0].entity, again)
            for outcome in refused:
                self._accounting.failed((outcome.row,), outcome.error or "", kept=False)
            self._changed.notify_all()
        return again

    def _give_up(self, delivery: _Delivery, reason: str) -> None:
        self._fail(delivery, reason)
        if self._stopping.is_set():
            return
        with self._changed:
            self._given_up += 1
            if self._given_up < _IN_A_ROW or self.gone.is_set():
                return
            self.gone.set()
        self._report(f"the gateway is gone, nothing more is sent: {reason}")

    def _fail(self, delivery: _Delivery, reason: str) -> None:
        """Count the unsettled rows of a delivery as failed."""
        with self._changed:
            if delivery in self._unsettled:
                self._end(delivery)
                self._accounting.failed(delivery.request.rows, reason, kept=True)
                self._changed.notify_all()

    def _end(self, delivery: _Delivery) -> None:
        self._unsettled.remove(delivery)
        latest = self._latest[delivery.request.rows[0].entity.name]
        for key in delivery.keys:
            if latest.get(key) is delivery:
                del latest[key]

    def _abort(self, error: BaseException) -> None:
        """Stop sending because of an error of this program."""
        self.error = self.error or error
        self.gone.set()

    def _report_seldom(self, line: str) -> None:
        """Report a line, but at most one in two seconds."""
        now = time.monotonic()
        if now - self._reported_at > 2:
            self._reported_at = now
            self._report(line)
