"""State of a service, with a reason."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """The states that a service can be in."""

    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"
    RUNNING = "running"
    """A one-shot that hasn't ended."""
    COMPLETED = "completed"
    FAILED = "failed"
    ENDED = "ended"
    """A service that was started and has ended."""
    RESTARTING = "restarting"
    """A service that has crashed and is started again after a delay."""
    SKIPPED = "skipped"
    """Not needed without Docker."""
    LEFT_OVER = "left over"
    """A running service that docker-compose.yml no longer has."""
    NOT_STARTED = "not started"

    @property
    def fine(self) -> bool:
        """Whether the state needs no action."""
        return self in (State.HEALTHY, State.COMPLETED, State.SKIPPED)


@dataclass(frozen=True, slots=True)
class Status:
    """State of one service, with the reason for it."""

    service: str
    state: State
    reason: str = ""
    pid: int | None = None
    ports: tuple[int, ...] = ()
    memory_mib: float | None = None
    """Memory of the process and all its children."""

    @classmethod
    def of_ended(cls, service: str, exit_code: int | None, log: str) -> Status:
        """Status of an ended service (``exit_code`` None) or one-shot (its exit code)."""
        if exit_code is None:
            return cls(service, State.ENDED, f"see {log}")
        if exit_code == 0:
            return cls(service, State.COMPLETED)
        return cls(service, State.FAILED, f"ended with {exit_code}")
