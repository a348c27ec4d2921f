"""Sees to it that each row is settled once: acknowledged, or failed and kept in the spool.

A row is settled when an answer says that it was stored, when one says that it never will be,
or when the attempts run out. No answer at all says nothing, so the row is sent again: it may
then be stored twice, which is normal input downstream.

Rows of one entity and key are stored in the order in which they were begun, however many requests
are in flight: a delivery is free when no earlier one with a key of its own is unsettled, and the
rows that stand behind a failed row of their key in its request are sent again behind it.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from threading import Condition, Event

from emulator.accounting import Accounting
from emulator.request import Outcome, Request, Road, Row
from emulator.spool import Spool, SpoolError


@dataclass(eq=False, slots=True)
class Delivery:
    """A request on its way; its rows shrink to those that aren't settled."""

    request: Request
    keys: frozenset[int]
    """Keys of all its rows, the settled ones included."""
    after: set[Delivery] = field(default_factory=set)
    """The earlier deliveries that have a key of this one."""


class Settlement:
    """The deliveries that aren't settled, and what becomes of them; for many threads.

    Args:
        road: builds the request of the rows that need another attempt.
        accounting: counts what becomes of the rows.
        spool: keeps what fails, if given.
    """

    def __init__(self, road: Road, accounting: Accounting, spool: Spool | None) -> None:
        self._road, self._accounting, self._spool = road, accounting, spool
        self._open: set[Delivery] = set()
        self._latest: defaultdict[str, dict[int, Delivery]] = defaultdict(dict)
        """By entity and key: the last of the open deliveries that have it."""
        self.changed = Condition()
        """Notified whenever a delivery begins or gets settled."""
        self.gone = Event()
        """Set when sending on has no sense: the gateway is gone, or ``error`` happened."""
        self.error: BaseException | None = None
        """What went wrong here, with the journal or the spool: not what an answer said."""

    @property
    def unsettled(self) -> list[Delivery]:
        """The deliveries with rows that aren't settled."""
        with self.changed:
            return list(self._open)

    def begin(self, request: Request) -> Delivery:
        """Count the rows of ``request`` as sent, and have them settled from now on."""
        delivery = Delivery(request, frozenset(row.key for row in request.rows))
        with self.changed:
            self._accounting.sent(request.rows)
            latest = self._latest[request.rows[0].entity.name]
            for key in delivery.keys & latest.keys():
                delivery.after.add(latest[key])
            latest.update(dict.fromkeys(delivery.keys, delivery))
            self._open.add(delivery)
        return delivery

    def free(self, delivery: Delivery) -> bool:
        """Whether no earlier delivery that has one of its keys is unsettled."""
        with self.changed:
            delivery.after &= self._open
            return not delivery.after

    def settle(self, delivery: Delivery, outcomes: tuple[Outcome, ...]) -> tuple[Row, ...]:
        """Account for what an answer settles; return the rows that need another attempt.

        A stored row is among them if an earlier row of its key is: else that one would be last.
        """
        refused = [outcome for outcome in outcomes if not outcome.stored and not outcome.again]
        stored: list[Row] = []
        again: list[Row] = []
        late: set[int] = set()
        for outcome in outcomes:
            if outcome.again or (outcome.stored and outcome.row.key in late):
                again.append(outcome.row)
                late.add(outcome.row.key)
            elif outcome.stored:
                stored.append(outcome.row)
        with self.changed:
            if delivery not in self._open:
                return ()
            self._accounting.acknowledged(stored)
            if self._spool is not None:
                self._spool.acknowledged(stored)
            if not again:
                self._close(delivery)
            elif len(again) < len(outcomes):
                delivery.request = self._road.request(again[0].entity, again)
            for outcome in refused:
                self._lose((outcome.row,), outcome.error or "")
            self.changed.notify_all()
        return tuple(again)

    def fail(self, delivery: Delivery, reason: str) -> None:
        """Give up the rows of a delivery that aren't settled yet."""
        with self.changed:
            if delivery in self._open:
                self._close(delivery)
                self._lose(delivery.request.rows, reason)
                self.changed.notify_all()

    def broken(self, error: BaseException) -> None:
        """Nothing more can be sent: ``error`` happened here."""
        self.error = self.error or error
        self.gone.set()

    def _close(self, delivery: Delivery) -> None:
        self._open.remove(delivery)
        latest = self._latest[delivery.request.rows[0].entity.name]
        for key in delivery.keys:
            if latest.get(key) is delivery:
                del latest[key]

    def _lose(self, rows: tuple[Row, ...], reason: str) -> None:
        kept = False
        try:
            if self._spool is not None:
                self._spool.keep(rows)
                kept = True
        except SpoolError as error:
            self.broken(error)
        self._accounting.failed(rows, reason, kept=kept)
