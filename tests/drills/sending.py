"""An emulator that sends beside what a drill does."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.conftest import Stack


class Emulator:
    """The emulator, sending until it is told to stop."""

    def __init__(self, stack: Stack, service: str, process: subprocess.Popen[str]) -> None:
        self._stack, self._service, self._process = stack, service, process
        # Its progress goes to a pipe that somebody must empty.
        self._said: list[str] = []
        assert process.stderr is not None
        self._drain = threading.Thread(target=self._said.extend, args=(process.stderr,))
        self._drain.start()
        self.counts: dict[str, Any] = {}
        """What it says at its end."""

    def check(self) -> None:
        """Fail, with what it said, when it has ended by itself."""
        assert self._process.poll() is None, "".join(self._said)

    def stop(self) -> None:
        """Let it finish what is under way and count."""
        self._stack.terminate(self._service, self._process)
        assert self._process.stdout is not None
        out = self._process.stdout.read()
        code = self._process.wait(60)
        self._drain.join()
        assert code == 0, "".join(self._said)
        self.counts = json.loads(out)


@contextmanager
def emulator(stack: Stack, service: str, *options: str) -> Iterator[Emulator]:
    """One of the two emulators, sending with ``options``; killed if it hasn't stopped."""
    process = stack.spawn(service, *options, "--json")
    try:
        yield Emulator(stack, service, process)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        for stream in (process.stdout, process.stderr):
            assert stream is not None
            stream.close()
