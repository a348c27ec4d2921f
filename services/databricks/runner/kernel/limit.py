"""The time that ``dbutils.notebook.run`` gives to a notebook."""

import contextlib
import ctypes
import signal
import threading
import time
from collections.abc import Iterator
from typing import Any

SOON = 0.001
"""Seconds of a timer that has none left; 0 would stop it."""


def is_main_thread() -> bool:
    """Whether this is the thread of the cells."""
    return threading.current_thread() is threading.main_thread()


def limited(timeout: float, path: str) -> contextlib.AbstractContextManager[None]:
    """Raise in the midst of the block when it takes longer than ``timeout`` seconds (0: never).

    Another thread than the main one gets no signals: a call in it that waits ends first.

    Raises:
        TimeoutError: names the notebook at ``path``.
    """
    return (_limited if is_main_thread() else _limited_thread)(timeout, path)


@contextlib.contextmanager
def _limited_thread(timeout: float, path: str) -> Iterator[None]:
    raise_in, thread = ctypes.pythonapi.PyThreadState_SetAsyncExc, threading.get_ident()
    lock, is_late, has_ended = threading.Lock(), False, False

    def late() -> None:
        nonlocal is_late
        with lock:
            if not has_ended:
                is_late = True
                raise_in(ctypes.c_ulong(thread), ctypes.py_object(TimeoutError))

    timer = threading.Timer(timeout, late)
    timer.daemon = True
    if timeout:
        timer.start()
    try:
        yield
    except TimeoutError as error:
        raise (_late(timeout, path) if is_late else error) from None
    finally:
        with lock:
            has_ended = True
            if is_late:  # it may not have arrived yet
                raise_in(ctypes.c_ulong(thread), None)
        timer.cancel()


def _late(timeout: float, path: str) -> TimeoutError:
    return TimeoutError(f"notebook {path} took longer than {timeout:g} seconds")


@contextlib.contextmanager
def _limited(timeout: float, path: str) -> Iterator[None]:
    """A notebook may run another: the limit that comes first counts, and the outer one goes on."""
    left, began = signal.getitimer(signal.ITIMER_REAL)[0], time.monotonic()
    if not timeout or 0 < left <= timeout:
        yield
        return

    def late(*_: Any) -> None:
        raise _late(timeout, path)

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, timeout)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        if left:
            signal.setitimer(signal.ITIMER_REAL, max(left - (time.monotonic() - began), SOON))
