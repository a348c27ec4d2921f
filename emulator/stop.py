"""A clean stop on SIGINT and SIGTERM."""

from __future__ import annotations

import signal
from queue import SimpleQueue
from threading import Event, Thread
from types import FrameType
from typing import Any

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stop:
    """A context in which the first signal sets ``event`` and the second one ends the program."""

    def __init__(self) -> None:
        self.event = Event()
        self.signal: str | None = None
        """Name of the received signal."""
        self._received: SimpleQueue[int | None] = SimpleQueue()
        self._before: dict[signal.Signals, Any] = {}
        self._watcher = Thread(target=self._watch, name="signals", daemon=True)

    def __enter__(self) -> Stop:
        self._watcher.start()
        for number in _SIGNALS:
            self._before[number] = signal.signal(number, self._handle)
        return self

    def __exit__(self, *_: object) -> None:
        for number, before in self._before.items():
            signal.signal(number, before)
        self._received.put(None)
        self._watcher.join()

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        for other in _SIGNALS:
            signal.signal(other, signal.SIG_DFL)
        # Event.set needs a lock, which the interrupted code may hold; this put needs none.
        self._received.put(number)

    def _watch(self) -> None:
        number = self._received.get()
        if number is not None:
            self.signal = signal.Signals(number).name
            self.event.set()
