"""Sends rows down a road, from several threads, and sees to it that each is settled.

A row is settled when an answer says that it was stored, when one says that it never will be,
or when the attempts run out; then it's acknowledged, or failed and kept in the spool. No
answer at all says nothing, so the row is sent again: it may then be stored twice, which is
normal input downstream.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from threading import Condition, Event, Thread

import requests

from emulator.accounting import Accounting
from emulator.journal import Journal
from emulator.request import Outcome, Request, Road, Row, all_failed
from emulator.request import requests as split
from emulator.spool import Spool, SpoolError

GRACE = 8.0
"""Seconds for what is in flight once a run is told to stop; Docker kills after ten."""

_IN_A_ROW = 3
"""Requests given up with none answered in between, after which the gateway counts as gone."""


@dataclass(frozen=True, slots=True)
class Retry:
    """How long, and how often, a request is tried."""

    seconds: float = 60.0
    """From the first attempt to the start of the last one."""
    timeout: float = 35.0
    """For an answer. The REST proxy's own is 30 s, API Gateway's 29 s: theirs must come first."""
    first: float = 0.1
    """Before the second attempt, at most; it doubles each time."""
    longest: float = 5.0

    def delay(self, attempt: int, asked: float, random: Random) -> float:
        """Seconds to wait after ``attempt``: drawn, so that many senders don't come in step.

        ``asked`` is what the server's Retry-After says; it's waited for, up to a minute.
        """
        backoff = min(self.longest, self.first * float(1 << min(attempt - 1, 16)))
        return max(backoff * random.uniform(0.5, 1), min(asked, 60.0))


@dataclass(slots=True)
class _Answer:
    status: int | None
    outcomes: tuple[Outcome, ...]
    retry_after: float = 0.0


@dataclass(eq=False, slots=True)
class _Job:
    """A request on its way; its rows shrink to those that aren't settled."""

    request: Request


class Sender:
    """Sends rows of a road with ``in_flight`` requests at a time.

    With one in flight the requests are answered in the order of ``send``; with more they only
    start in it.

    Args:
        road: builds the requests and reads the answers.
        accounting: counts what becomes of the rows.
        stopping: set when the run is told to stop; nothing is tried again after that.
        in_flight: requests under way at a time, and as many may wait.
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
        retry: Retry | None = None,
        journal: Journal | None = None,
        spool: Spool | None = None,
        talk: Callable[[str], object] = lambda line: None,
    ) -> None:
        self._road, self._accounting, self._stopping = road, accounting, stopping
        self._retry = retry or Retry()
        self._journal, self._spool, self._talk = journal, spool, talk
        self._most_waiting = in_flight
        self._changed = Condition()
        self._waiting: deque[_Job] = deque()
        self._unsettled: set[_Job] = set()
        self._given_up = 0
        self._talked = 0.0
        self._closed = False
        self._deadline = 0.0
        self._random = Random()
        self.gone = Event()
        """Set when sending on has no sense: the gateway is gone, or ``error`` happened."""
        self.error: BaseException | None = None
        """What went wrong here, with the journal or the spool: not what an answer said."""
        self._threads = [
            Thread(target=self._work, name=f"sender-{number}", daemon=True)
            for number in range(in_flight)
        ]
        for thread in self._threads:
            thread.start()

    def send(self, rows: Sequence[Row]) -> None:
        """Send rows of one entity; waits while as many requests as may be are waiting.

        Once the run is told to stop it waits no longer than ``GRACE``: then the rows fail.
        """
        for request in split(self._road, rows[0].entity, rows):
            job = _Job(request)
            with self._changed:
                self._accounting.sent(request.rows)
                self._unsettled.add(job)
                if self._await(lambda: len(self._waiting) < self._most_waiting):
                    self._waiting.append(job)
                    self._changed.notify_all()
                    continue
            self._fail(job, "not sent: told to stop")

    def drain(self) -> bool:
        """Wait until every row is settled; once told to stop, for no longer than ``GRACE``.

        Returns whether every row was settled by an answer or by its last attempt.
        """
        with self._changed:
            self._await(lambda: not self._unsettled)
            late = list(self._unsettled)
            self._waiting.clear()
        for job in late:
            self._fail(job, "not answered before the run was stopped")
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

    def _work(self) -> None:
        with requests.Session() as session:
            while True:
                with self._changed:
                    self._changed.wait_for(lambda: self._waiting or self._closed)
                    if not self._waiting:
                        return
                    job = self._waiting.popleft()
                    self._changed.notify_all()
                try:
                    self._deliver(session, job)
                except BaseException as error:  # a thread's own would be lost with it
                    self.error = self.error or error
                    self.gone.set()
                    self._fail(job, f"{type(error).__name__}: {error}")

    def _deliver(self, session: requests.Session, job: _Job) -> None:
        """Try a job until each of its rows is settled."""
        started = time.monotonic()
        attempt = 0
        while True:
            if self.gone.is_set():
                self._fail(job, "not sent: the gateway is gone")
                return
            attempt += 1
            self._accounting.attempt()
            request = job.request
            answer = self._attempt(session, request)
            again = self._settle(job, answer.outcomes)
            if self._journal is not None:
                self._journal.write(request, answer.status, answer.outcomes)
            if not again:
                return
            reason = next(o.error or "" for o in answer.outcomes if o.again)
            delay = self._retry.delay(attempt, answer.retry_after, self._random)
            late = time.monotonic() + delay - started > self._retry.seconds
            if late or self._given_up or self._stopping.wait(delay):
                self._give_up(job, reason)
                return
            self._say(f"{request.rows[0].entity.name}: {reason}; trying again")
            self._accounting.retried(again)

    def _attempt(self, session: requests.Session, request: Request) -> _Answer:
        try:
            response = session.request(
                request.method,
                request.url,
                data=request.body,
                headers=request.headers,
                timeout=(5, self._retry.timeout),
                allow_redirects=False,
            )
        except requests.RequestException as error:
            return _Answer(None, all_failed(request, _no_answer(error), again=True))
        outcomes = self._road.outcomes(request, response.status_code, response.content)
        return _Answer(response.status_code, outcomes, _retry_after(response))

    def _settle(self, job: _Job, outcomes: tuple[Outcome, ...]) -> tuple[Row, ...]:
        """Account for what an answer settles; return the rows that need another attempt."""
        stored = [outcome.row for outcome in outcomes if outcome.stored]
        refused = [outcome for outcome in outcomes if not outcome.stored and not outcome.again]
        again = tuple(outcome.row for outcome in outcomes if outcome.again)
        with self._changed:
            if job not in self._unsettled:
                return ()
            if len(again) < len(outcomes):
                self._given_up = 0
            self._accounting.acknowledged(stored)
            if self._spool is not None:
                self._spool.acknowledged(stored)
            if not again:
                self._unsettled.remove(job)
            elif len(again) < len(outcomes):
                job.request = self._road.request(again[0].entity, again)
            for outcome in refused:
                self._lose((outcome.row,), outcome.error or "")
            self._changed.notify_all()
        for outcome in refused[:1]:
            self._say(f"{outcome.row.entity.name} {outcome.row.key}: {outcome.error}")
        return again

    def _give_up(self, job: _Job, reason: str) -> None:
        self._fail(job, reason)
        if self._stopping.is_set():
            return
        with self._changed:
            self._given_up += 1
            if self._given_up < _IN_A_ROW or self.gone.is_set():
                return
            self.gone.set()
        self._talk(f"the gateway is gone, nothing more is sent: {reason}")

    def _fail(self, job: _Job, reason: str) -> None:
        with self._changed:
            if job in self._unsettled:
                self._unsettled.remove(job)
                self._lose(job.request.rows, reason)
                self._changed.notify_all()

    def _lose(self, rows: tuple[Row, ...], reason: str) -> None:
        kept = False
        try:
            if self._spool is not None:
                self._spool.keep(rows)
                kept = True
        except SpoolError as error:
            self.error = self.error or error
            self.gone.set()
        self._accounting.failed(rows, reason, kept=kept)

    def _say(self, line: str) -> None:
        """Tell the person who watches, but not more than once in two seconds."""
        now = time.monotonic()
        if now - self._talked > 2:
            self._talked = now
            self._talk(line)


def _no_answer(error: requests.RequestException) -> str:
    if isinstance(error, requests.ReadTimeout):
        return "no answer in time"
    if isinstance(error, requests.ConnectionError | requests.exceptions.ChunkedEncodingError):
        cause: BaseException = error
        while cause.__cause__ or cause.__context__:
            cause = cause.__cause__ or cause.__context__ or cause
        return f"no answer: {cause}"
    return f"no answer: {error}"


def _retry_after(response: requests.Response) -> float:
    """Seconds that the server asks for; its other form, a date, is not used by these services."""
    asked = response.headers.get("Retry-After", "")
    return float(asked) if asked.isdecimal() else 0.0
