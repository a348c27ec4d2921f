"""Hop 7: identifies the process that owns a lock, so that others can check whether it has ended.

The pids of a container repeat after a restart; its host name is new in each container, or, with
the host's network, the same in all. So the place is named by the kernel (``contract.processes``).
Of a process in another place, such as a killed container, only the missing renewals of its lock
show that it has ended.
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
    """A run and its process."""

    run: str = ""
    """Random, one for each run."""
    host: str = ""
    """Host name, for messages."""
    place: str = ""
    """Where the pid is valid; empty if the kernel does not name it (no ``/proc``)."""
    pid: int = 0
    started: str = ""
    """When the process started, by its kernel's clock, because pids are reused."""

    @classmethod
    def of(cls, pid: int) -> LockOwner:
        """Describe a living process of this place, as a new run."""
        return cls(uuid.uuid4().hex, socket.gethostname(), place(), pid, started(pid))

    @classmethod
    def read(cls, document: bytes) -> LockOwner:
        """Read the content of a lock; missing fields are empty, and all if it is no lock."""
        try:
            found = json.loads(document)
            own = {f.name: found[f.name] for f in fields(cls) if f.name in found}
        except (ValueError, TypeError, RecursionError):
            return cls()
        return cls(**own) if all(type(own[n]) is type(getattr(cls(), n)) for n in own) else cls()

    def write(self, **more: object) -> bytes:
        """Return the document for ``read``, with the fields ``more``."""
        return json.dumps({**asdict(self), **more}).encode()

    def has_gone(self) -> bool:
        """Return whether the process has certainly ended; False if this place cannot tell."""
        if not self.place or self.place != place():
            return False
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return True
        except PermissionError:
            return False
        # The pid may belong to a later process by now, as after a restart of this container.
        return started(self.pid) != self.started

    def __str__(self) -> str:
        """Name the run in messages."""
        return f"the run with pid {self.pid} on {self.host}" if self.run else "another run"
