"""A company's HTTP proxy: it's for the world outside, and no way to what runs on this machine.

Clients read NO_PROXY as NO_PROXY or as no_proxy, so both are set. In containers
docker-compose.yml does the same, with the names of services.
"""

from __future__ import annotations

from collections.abc import Mapping

LOOPBACK = ("localhost", "127.0.0.1")


def without_loopback(environ: Mapping[str, str]) -> dict[str, str]:
    """NO_PROXY in both spellings: the hosts that ``environ`` names, and loopback.

    >>> without_loopback({"no_proxy": "intern.example"})["NO_PROXY"]
    'intern.example,localhost,127.0.0.1'
    """
    named = environ.get("no_proxy") or environ.get("NO_PROXY") or ""
    hosts = [host for part in named.split(",") if (host := part.strip())]
    hosts += [host for host in LOOPBACK if host not in hosts]
    return dict.fromkeys(("NO_PROXY", "no_proxy"), ",".join(hosts))
