"""A company's HTTP proxy: it's for the world outside, and no way to what runs on this machine.

Clients read NO_PROXY as NO_PROXY or as no_proxy, so both are set. In containers
docker-compose.yml does the same, with the names of services.
"""

from __future__ import annotations

from collections.abc import Mapping

SPELLINGS = ("no_proxy", "NO_PROXY")
LOOPBACK = ("localhost", "127.0.0.1")


def without_loopback(environ: Mapping[str, str]) -> dict[str, str]:
    """NO_PROXY in both spellings: the hosts that ``environ`` names, and loopback.

    >>> without_loopback({"no_proxy": "intern.example"})["NO_PROXY"]
    'intern.example,localhost,127.0.0.1'
    """
    given = ",".join(environ.get(name, "") for name in SPELLINGS)
    hosts = [host for part in given.split(",") if (host := part.strip())]
    # A star alone means every host, and among others no host.
    hosts = ["*"] if "*" in hosts else list(dict.fromkeys((*hosts, *LOOPBACK)))
    return dict.fromkeys(SPELLINGS, ",".join(hosts))
