"""Ask, before anything is started, whether the ports are free."""

from __future__ import annotations

import socket
from collections.abc import Iterable

import psutil

from pinpipe.doctor.machine import Problem
from pinpipe.engines.compose import Address, Service
from pinpipe.errors import StackError


def problems(services: Iterable[Service]) -> list[Problem]:
    """The ports that these services need and that somebody else has."""
    found = []
    for service in services:
        for port in sorted(set(service.ports.values())):
            taken = holder(port)
            if taken is not None:
                what = f"{service.name} needs port {port}, which {taken} has"
                remedy = "stop that, or choose another port in .env (see .env.example)"
                found.append(Problem(what, remedy))
    return found


def not_ours(address: Address) -> StackError:
    """The error of a command that needs a service of this stack which doesn't listen."""
    taken = holder(address.port)
    reason = f"{address.service} of this stack does not listen on port {address.port}"
    if taken:
        reason += f"; {taken} does, for another stack: choose other ports in .env (.env.example)"
        return StackError(f"{reason} and run `pinpipe up`")
    return StackError(f"{reason}: start it with `pinpipe up`")


def holder(port: int) -> str | None:
    """Who listens on a port of 127.0.0.1, in words; None when the port is free."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return _name_holder(port)
    return None


def _name_holder(port: int) -> str:
    try:
        for connection in psutil.net_connections("tcp"):
            bound = getattr(connection.laddr, "port", None)
            if connection.status == psutil.CONN_LISTEN and bound == port:
                if connection.pid is None:
                    break
                return f"{psutil.Process(connection.pid).name()} (pid {connection.pid})"
    except (psutil.AccessDenied, psutil.NoSuchProcess):
        pass
    return "another program"
