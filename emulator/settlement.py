"""Sees to it that each row is settled once: acknowledged, or failed and kept in the spool.

A row is settled when an answer says that it was stored, when one says that it never will be,
or when the attempts run out. No answer at all says nothing, so the row is sent again: it may
then be stored twice, which is normal input downstream.
"""

from __future__ import annotations

from dataclasses import dataclass
from threading import Condition, Event

from emulator.accounting import Accounting
from emulator.request import Outcome, Request, Road, Row
from emulator.spool import Spool, SpoolError


@dataclass(eq=False, slots=True)
class Delivery:
    """A request on its way; its rows shrink to those that aren't settled."""

    request: Request


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
        delivery = Delivery(request)
        with self.changed:
            self._accounting.sent(request.rows)
            self._open.add(delivery)
        return delivery

    def settle(self, delivery: Delivery, outcomes: tuple[Outcome, ...]) -> tuple[Row, ...]:
        """Account for what an answer settles; return the rows that need another attempt."""
        stored = [outcome.row for outcome in outcomes if outcome.stored]
        refused = [outcome for outcome in outcomes if not outcome.stored and not outcome.again]
        again = tuple(outcome.row for outcome in outcomes if outcome.again)
        with self.changed:
            if delivery not in self._open:
                return ()
            self._accounting.acknowledged(stored)
            if self._spool is not None:
                self._spool.acknowledged(stored)
            if not again:
                self._open.remove(delivery)
            elif len(again) < len(outcomes):
                delivery.request = self._road.request(again[0].entity, again)
            for outcome in refused:
                self._lose((outcome.row,), outcome.error or "")
            self.changed.notify_all()
        return again

    def fail(self, delivery: Delivery, reason: str) -> None:
        """Give up the rows of a delivery that aren't settled yet."""
        with self.changed:
            if delivery in self._open:
                self._open.remove(delivery)
                self._lose(delivery.request.rows, reason)
                self.changed.notify_all()

    def broken(self, error: BaseException) -> None:
        """Nothing more can be sent: ``error`` happened here."""
        self.error = self.error or error
        self.gone.set()

    def _lose(self, rows: tuple[Row, ...], reason: str) -> None:
        kept = False
        try:
            if self._spool is not None:
                self._spool.keep(rows)
                kept = True
        except SpoolError as error:
            self.broken(error)
        self._accounting.failed(rows, reason, kept=kept)
