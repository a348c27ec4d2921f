"""Who holds a lock: a process, named so that another one can tell whether it has gone.

A pid means something only where it was given: in one pid namespace of one start of one kernel. A
container's pids repeat from life to life; its host name is a new one in each container, or, with
the host's network, the same one in all. So the place is named by the kernel. Of a process in
another place, such as a container that was killed, nothing can be told from here: it has gone when
it no longer renews its lock.
"""

from __future__ import annotations

import json
import os
import socket
import uuid
from dataclasses import asdict, dataclass, fields
from pathlib import Path

_PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Holder:
    """A run, and the process that it is."""

    run: str = ""
    """Random, one for each run."""
    host: str = ""
    """Host name, for people."""
    place: str = ""
    """Where the pid was given; empty where the kernel doesn't say (no ``/proc``)."""
    pid: int = 0
    started: str = ""
    """When the process started, by its kernel's clock: pids are given again."""

    @classmethod
    def of(cls, pid: int) -> Holder:
        """Describe a living process of this place, as a new run."""
        return cls(uuid.uuid4().hex, socket.gethostname(), _place(), pid, _started(pid))

    @classmethod
    def read(cls, document: bytes) -> Holder:
        """Read what a lock holds; what it doesn't say is empty."""
        found = json.loads(document)
        return cls(**{f.name: found[f.name] for f in fields(cls) if f.name in found})

    def write(self, **more: object) -> bytes:
        """Return the document that ``read`` reads, with ``more`` in it."""
        return json.dumps({**asdict(self), **more}).encode()

    def has_gone(self) -> bool:
        """Say whether the process has certainly ended; False when that can't be known here."""
        if not self.place or self.place != _place():
            return False
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return True
        except PermissionError:
            return False
        # An earlier life of this container had our own pid, and any pid may be another's by now.
        return _started(self.pid) != self.started

    def __str__(self) -> str:
        """Name the run for people."""
        return f"the run with pid {self.pid} on {self.host}" if self.run else "another run"


def _place() -> str:
    try:
        boot = (_PROC / "sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {(_PROC / 'self/ns/pid').readlink()}"
    except OSError:
        return ""


def _started(pid: int) -> str:
    """Return the start of a process in clock ticks; empty when it has ended."""
    try:
        # Behind the name, which may hold anything: the state, and 18 fields on the start.
        state, *others = (_PROC / f"{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if state in "ZX" else others[18]
