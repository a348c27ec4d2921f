"""The identity of a process: its pid alone is not enough, because pids repeat.

A pid is valid only within one pid namespace of one boot of one kernel. There, the kernel's count of
clock ticks at the start of the process tells two processes with one pid apart.
"""

from pathlib import Path

_PROC = Path("/proc")


def place() -> str:
    """Boot and pid namespace of this process; empty on a system without ``/proc``."""
    try:
        boot = (_PROC / "sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {(_PROC / 'self/ns/pid').readlink()}"
    except OSError:
        return ""


def started(pid: int, *, ended: bool = False) -> str:
    """Start of a process in clock ticks since the boot; empty once it has ended.

    With ``ended`` also that of a process that has ended and still has its pid.
    """
    try:
        # After the name, which may contain anything: the state, and 18 fields later the start.
        state, *others = (_PROC / f"{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if state in "ZX" and not ended else others[18]
