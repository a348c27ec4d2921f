"""Sends rows down a road, from several threads, until each is settled."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from math import inf
from random import Random
from threading import Event, Thread

import requests

from emulator.accounting import Accounting
from emulator.attempt import attempt
from emulator.journal import Journal
from emulator.request import Road, Row
from emulator.request import requests as split
from emulator.retry import Retry
from emulator.settlement import Delivery, Settlement
from emulator.spool import Spool

GRACE = 8.0
"""Seconds for what is in flight once a run is told to stop; Docker kills after ten."""

_IN_A_ROW = 3
"""Requests given up with none answered in between, after which the gateway counts as gone."""


class Sender:
    """Sends rows of a road with ``in_flight`` requests at a time, and up to ``most`` if need be.

    With one in flight the requests are answered in the order of ``send``. With more, a request
    waits only for the earlier ones that have a key of its own: the rows of one key arrive in
    order, others may overtake each other.

    Args:
        road: builds the requests and reads the answers.
        accounting: counts what becomes of the rows.
        stopping: set when the run is told to stop; nothing is tried again after that.
        in_flight: requests under way at a time, and as many may wait.
        most: requests under way at a time after ``send`` has had to raise ``in_flight``.
        retry: how long a request is tried.
        journal: takes each attempt, if given.
        spool: keeps what fails, if given.
        talk: takes a line for the person who watches.
    """

    def __init__(
        self,
        road: Road,
        accounting: Accounting,
        stopping: Event,
        *,
        in_flight: int = 1,
        most: int = 1,
        retry: Retry | None = None,
        journal: Journal | None = None,
        spool: Spool | None = None,
        talk: Callable[[str], object] = lambda line: None,
    ) -> None:
        self._road, self._accounting, self._stopping = road, accounting, stopping
        self._retry = retry or Retry()
        self._journal, self._talk = journal, talk
        self._settlement = Settlement(road, accounting, spool)
        self._changed = self._settlement.changed
        self._most = max(in_flight, most)
        self._waiting: deque[Delivery] = deque()
        self._given_up = 0
        self._talked = 0.0
        self._closed = False
        self._deadline = 0.0
        self._random = Random()
        self._threads: list[Thread] = []
        self.waited = 0.0
        """Seconds that ``send`` has waited for a request to end."""
        for _ in range(in_flight):
            self._start_thread()

    @property
    def in_flight(self) -> int:
        """Requests under way at a time."""
        return len(self._threads)

    @property
    def gone(self) -> Event:
        """Set when sending on has no sense: the gateway is gone, or ``error`` happened."""
        return self._settlement.gone

    @property
    def error(self) -> BaseException | None:
        """What went wrong here, with the journal or the spool: not what an answer said."""
        return self._settlement.error

    def send(self, rows: Sequence[Row], by: float = inf) -> None:
        """Send rows of one entity; waits while as many requests as may be are waiting.

        Once the run is told to stop it waits no longer than ``GRACE``: then the rows fail.

        Args:
            rows: what to send.
            by: when the wait has to be over, in seconds of ``time.monotonic``. After that, one
                more request goes out at a time, as long as there may be more.
        """

        def capacity() -> bool:
            full = len(self._waiting) >= self.in_flight
            if full and self.in_flight < self._most and time.monotonic() > by:
                self._start_thread()
                return True
            return not full

        for request in split(self._road, rows[0].entity, rows):
            begun = time.monotonic()
            with self._changed:
                delivery = self._settlement.begin(request)
                sent = self._await(capacity)
                if sent:
                    self._waiting.append(delivery)
                    self._changed.notify_all()
            self.waited += time.monotonic() - begun
            if not sent:
                self._settlement.fail(delivery, "not sent: told to stop")

    def drain(self) -> bool:
        """Wait until every row is settled; once told to stop, for no longer than ``GRACE``.

        Returns whether every row was settled by an answer or by its last attempt.
        """
        with self._changed:
            self._await(lambda: not self._settlement.unsettled)
            late = self._settlement.unsettled
            self._waiting.clear()
        for delivery in late:
            self._settlement.fail(delivery, "not answered before the run was stopped")
        return not late

    def close(self) -> None:
        """Settle every row and end the threads."""
        settled = self.drain()
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        if settled:
            # They may still be writing to the journal. One that waits for an answer in vain is
            # left behind, and ends with the program.
            for thread in self._threads:
                thread.join()

    def _await(self, fact: Callable[[], bool]) -> bool:
        """Wait for ``fact``; once the run is told to stop, until ``GRACE`` is over for all."""
        while not self._changed.wait_for(fact, timeout=0.1):
            if self._stopping.is_set():
                self._deadline = self._deadline or time.monotonic() + GRACE
                if time.monotonic() > self._deadline:
                    return False
        return True

    def _start_thread(self) -> None:
        name = f"sender-{len(self._threads)}"
        self._threads.append(Thread(target=self._work, name=name, daemon=True))
        self._threads[-1].start()

    def _next(self) -> Delivery | None:
        """The first of the waiting deliveries that may go out."""
        return next(filter(self._settlement.free, self._waiting), None)

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
                except BaseException as error:  # a thread's own would be lost with it
                    self._settlement.broken(error)
                    self._settlement.fail(delivery, f"{type(error).__name__}: {error}")

    def _deliver(self, session: requests.Session, delivery: Delivery) -> None:
        """Try a delivery until each of its rows is settled."""
        started = time.monotonic()
        attempts = 0
        while True:
            if self.gone.is_set():
                self._settlement.fail(delivery, "not sent: the gateway is gone")
                return
            attempts += 1
            self._accounting.attempt()
            request = delivery.request
            made = attempt(session, self._road, request, self._retry.timeout)
            again = self._settlement.settle(delivery, made.outcomes)
            if len(again) < len(made.outcomes):
                self._given_up = 0
            for outcome in made.outcomes:
                if not outcome.stored and not outcome.again:
                    self._say(f"{outcome.row.entity.name} {outcome.row.key}: {outcome.error}")
                    break
            if self._journal is not None:
                self._journal.write(request, made.status, made.outcomes)
            if not again:
                return
            reason = next(o.error or "" for o in made.outcomes if o.again)
            delay = self._retry.delay(attempts, made.retry_after, self._random)
            late = time.monotonic() + delay - started > self._retry.seconds
            if late or self._given_up or self._stopping.wait(delay):
                self._give_up(delivery, reason)
                return
            self._say(f"{request.rows[0].entity.name}: {reason}; trying again")
            self._accounting.retried(again)

    def _give_up(self, delivery: Delivery, reason: str) -> None:
        self._settlement.fail(delivery, reason)
        if self._stopping.is_set():
            return
        with self._changed:
            self._given_up += 1
            if self._given_up < _IN_A_ROW or self.gone.is_set():
                return
            self.gone.set()
        self._talk(f"the gateway is gone, nothing more is sent: {reason}")

    def _say(self, line: str) -> None:
        """Tell the person who watches, but not more than once in two seconds."""
        now = time.monotonic()
        if now - self._talked > 2:
            self._talked = now
            self._talk(line)
