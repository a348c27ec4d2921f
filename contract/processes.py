"""The identity of a process, which its pid alone is not: pids repeat, and a clock may be set.

A pid means something only where it was given: in one pid namespace of one start of one kernel.
There, the kernel's count of clock ticks says when the process started.
"""

from __future__ import annotations

from pathlib import Path

_PROC = Path("/proc")


def place() -> str:
    """Boot and pid namespace of this process; empty where the kernel has no ``/proc``."""
    try:
        boot = (_PROC / "sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {(_PROC / 'self/ns/pid').readlink()}"
    except OSError:
        return ""


def started(pid: int) -> str:
    """Start of a process in clock ticks since the boot; empty once it has ended."""
    try:
        # After the name, which may hold anything: the state, and 18 fields on the start.
        state, *others = (_PROC / f"{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if state in "ZX" else others[18]
