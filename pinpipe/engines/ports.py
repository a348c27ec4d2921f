"""Finds the programs that have the ports of the stack, before a service starts."""

import socket
from collections.abc import Iterable

import psutil

from pinpipe.doctor.machine import Problem
from pinpipe.engines.compose import Address, Service
from pinpipe.errors import StackError


def problems(services: Iterable[Service]) -> list[Problem]:
    """A problem for each port of these services that another program or service has."""
    found = []
    services_by_port: dict[int, str] = {}
    for service in services:
        for port in sorted(set(service.ports.values())):
            first = services_by_port.setdefault(port, service.name)
            owner = first if first != service.name else port_owner(port)
            if owner is not None:
                what = f"{service.name} needs port {port}, which {owner} has"
                remedy = "stop it, or choose another port in .env (see .env.example)"
                found.append(Problem(what, remedy))
    return found


def not_ours(address: Address) -> StackError:
    """The error of a command that needs a service of this stack at ``address``."""
    owner = port_owner(address.port)
    reason = f"{address.service} of this stack does not listen on port {address.port}"
    if owner:
        reason += f"; {owner} does, for another stack: choose other ports in .env (.env.example)"
        return StackError(f"{reason} and run `pinpipe up`")
    return StackError(f"{reason}: start it with `pinpipe up`")


def port_owner(port: int) -> str | None:
    """Name and pid of the program that listens on a port of 127.0.0.1; None if it's free."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return _owner_name(port)
    return None


def _owner_name(port: int) -> str:
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
