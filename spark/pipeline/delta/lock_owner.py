"""Who holds a lock: a process, named so that another one can tell whether it has gone.

A container's pids repeat from life to life; its host name is a new one in each container, or, with
the host's network, the same one in all. So the kernel names the place (``contract.processes``).
Of a process in another place, such as a container that was killed, nothing is known here: it has
gone when it no longer renews its lock.
"""

from __future__ import annotations

import json
import os
import socket
import uuid
from dataclasses import asdict, dataclass, fields

from contract.processes import place, started


@dataclass(frozen=True, slots=True)
class LockOwner:
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
    def of(cls, pid: int) -> LockOwner:
        """Describe a living process of this place, as a new run."""
        return cls(uuid.uuid4().hex, socket.gethostname(), place(), pid, started(pid))

    @classmethod
    def read(cls, document: bytes) -> LockOwner:
        """Read what a lock holds; what it doesn't say is empty."""
        found = json.loads(document)
        return cls(**{f.name: found[f.name] for f in fields(cls) if f.name in found})

    def write(self, **more: object) -> bytes:
        """Return the document that ``read`` reads, with ``more`` in it."""
        return json.dumps({**asdict(self), **more}).encode()

    def has_gone(self) -> bool:
        """Say whether the process has certainly ended; False when that can't be known here."""
        if not self.place or self.place != place():
            return False
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return True
        except PermissionError:
            return False
        # An earlier life of this container had our own pid, and any pid may be another's by now.
        return started(self.pid) != self.started

    def __str__(self) -> str:
        """Name the run for people."""
        return f"the run with pid {self.pid} on {self.host}" if self.run else "another run"
