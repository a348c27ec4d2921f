"""The loop of both programs: draw a post, read its rows, send them on a route (hop 2)."""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import TextIO

from contract import wire
from emulator.delivery.accounting import Accounting
from emulator.delivery.batches import Batches
from emulator.delivery.outbox import Outbox
from emulator.delivery.request import Request, Route, requests
from emulator.delivery.retry import Retry
from emulator.delivery.sender import Sender
from emulator.draw import Draw, Pace, original, passes, sequential
from emulator.lag import Lag
from emulator.progress import Meter
from emulator.source import AwayError, Post, Source
from emulator.stop import Stop


@dataclass(frozen=True, slots=True)
class Plan:
    """The posts that a run sends, its rate, and the size of its requests."""

    order: str = "original"
    """``original`` (its endless draws) or ``sequential`` (every key of the source, once)."""
    start: int = 0
    count: int | None = None
    loop: bool = False
    rate: float | None = None
    """Posts per second; 0 is as fast as possible, None is the original's pauses."""
    batch_size: int = 1
    resumed: bool = False
    """Whether ``start`` is where an earlier run was: only the first pass begins there."""

    def draws(self, source: Source) -> Iterator[Draw]:
        """The posts to send, in order."""

        def order() -> Iterator[Draw]:
            return original() if self.order == "original" else sequential(source.keys())

        draws = passes(order, self.start, self.count, self.loop and not self.resumed)
        if self.loop and self.resumed:
            return chain(draws, passes(order, 0, self.count, True))
        return draws


@dataclass(slots=True)
class Emulation:
    """One run.

    Raises (``run`` and ``dry_run``):
        DatabaseError: the source database does not respond, also after the retries.
    """

    plan: Plan
    source: Source
    accounting: Accounting
    meter: Meter
    stop: Stop
    retry: Retry = field(default_factory=Retry)
    """Limits of the attempts to read from an unreachable source database."""

    def run(self, sender: Sender, outbox: Outbox) -> None:
        """Send the rows that earlier runs left in the outbox, then the posts of the plan."""
        try:
            self._replay(sender, outbox)
            self._send(sender, outbox)
        finally:
            sender.close()
            outbox.flush()
        if sender.error is not None:
            raise sender.error

    def dry_run(self, route: Route, out: TextIO) -> None:
        """Write the requests of the plan as JSON lines, and send nothing."""
        batches = Batches(self.plan.batch_size)
        for _, post in self._posts(Pace(self.plan.rate)):
            self._count(post)
            for row in post.rows:
                if rows := batches.add(row):
                    _write(out, *requests(route, row.entity, rows))
        for rows in batches.rest():
            _write(out, *requests(route, rows[0].entity, rows))

    def _replay(self, sender: Sender, outbox: Outbox) -> None:
        batches = Batches(self.plan.batch_size)
        for row in outbox.earlier():
            if sender.gone.is_set() or self.stop.event.is_set():
                break
            self.accounting.replayed += 1
            if rows := batches.add(row):
                sender.send(rows)
                self.meter.tick()
        for rows in batches.rest():
            sender.send(rows)
        sender.drain()

    def _send(self, sender: Sender, outbox: Outbox) -> None:
        batches = Batches(self.plan.batch_size)
        rate = self.plan.rate or 0.0
        pace, lag = Pace(self.plan.rate), Lag(self.plan.batch_size)
        in_flight, reported = sender.in_flight, False
        # At full speed the posts of a request are recorded in one transaction.
        size = self.plan.batch_size if self.plan.rate == 0 else 1
        posts = self._posts(pace)
        try:
            while not sender.gone.is_set() and (drawn := list(islice(posts, size))):
                read = [row for _, post in drawn for row in post.rows]
                recorded = outbox.record(read, self.plan.order, drawn[-1][0].number + 1)
                for _, post in drawn:
                    self._count(post)
                for row in recorded:
                    if rows := batches.add(row):
                        # Rows that still wait when the next post is due add a concurrent request.
                        sender.send(rows, by=pace.due)
                if sender.in_flight > in_flight:
                    in_flight = sender.in_flight
                    lag.restart()
                behind = lag.post(pace.lost, sender.waited)
                if behind and behind.rate < rate and not reported:
                    reported = True
                    self.meter.say(behind.line(rate, in_flight))
        finally:
            # Drawn rows are sent, also if the run is stopped or the source fails.
            for rows in batches.rest():
                sender.send(rows)

    def _count(self, post: Post) -> None:
        """Count a drawn post, and report the rows that the source does not have."""
        self.accounting.post()
        for entity in post.missing:
            self.accounting.missing(entity.name)
            self.meter.say(f"{entity.table} has no row with {entity.key} {post.key}")

    def _posts(self, pace: Pace) -> Iterator[tuple[Draw, Post]]:
        """The posts of the plan, each when it is due, until the run is stopped."""
        draws = self.plan.draws(self.source)
        while ahead := list(islice(draws, pace.ahead)):
            if self.stop.event.is_set():
                return
            posts = self._read([draw.key for draw in ahead])
            for draw in ahead:
                pace.wait(draw, self.stop.event)
                if self.stop.event.is_set():
                    return
                yield draw, posts[draw.key]
                self.meter.tick()

    def _read(self, keys: Sequence[int]) -> Mapping[int, Post]:
        """The posts with these keys; retried while the database is unreachable."""
        begun, attempt = time.monotonic(), 0
        while True:
            attempt += 1
            try:
                return self.source.read(keys)
            except AwayError as error:
                left = begun + self.retry.seconds - time.monotonic()
                delay = self.retry.delay(attempt, 0)
                if delay > left or self.stop.event.is_set():
                    raise
                self.meter.say(f"{error}; trying again")
                self.stop.event.wait(delay)


def _write(out: TextIO, *built: Request) -> None:
    for request in built:
        document: dict[str, wire.Json] = {
            "method": request.method,
            "url": request.url,
            "headers": dict(request.headers),
            "body": json.loads(request.body),
        }
        out.write(wire.dumps(document) + "\n")
