"""Ports for the services that tests start."""

import fcntl
import os
import random
import socket
import tempfile
from pathlib import Path


def free_port() -> int:
    """A free port."""
    (port,) = free_ports(1)
    return port


def free_ports(count: int) -> list[int]:
    """Free ports, which neither a running stack nor another test run uses.

    They are below the system's ephemeral ports, so that a port stays free while a killed service
    restarts. A lock reserves each for this process until it ends.
    """
    found: list[int] = []
    for port in random.sample(range(20_000, 32_000), 12_000):
        if _is_free(port) and _reserved(port):
            found.append(port)
        if len(found) == count:
            return found
    raise RuntimeError(f"fewer than {count} ports from 20000 to 31999 are free")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _reserved(port: int) -> bool:
    folder = Path(tempfile.gettempdir(), f"pinterest-test-ports-{os.getuid()}")
    folder.mkdir(exist_ok=True)
    lock = os.open(folder / str(port), os.O_CREAT | os.O_RDWR)  # open until the process ends
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return False
    return True
