"""NO_PROXY for services on this machine, which no company's HTTP proxy can reach.

Some clients read NO_PROXY and some no_proxy, so both are set. docker-compose.yml does the same in
containers, with the names of services.
"""

from collections.abc import Mapping

SPELLINGS = ("no_proxy", "NO_PROXY")
LOOPBACK = ("localhost", "127.0.0.1")


def without_loopback(environ: Mapping[str, str]) -> dict[str, str]:
    """NO_PROXY in both spellings: the hosts of ``environ`` and loopback.

    >>> without_loopback({"no_proxy": "intern.example"})["NO_PROXY"]
    'intern.example,localhost,127.0.0.1'
    """
    given = ",".join(environ.get(name, "") for name in SPELLINGS)
    hosts = [host for part in given.split(",") if (host := part.strip())]
    # A star means every host when it stands alone, and nothing in a list of hosts.
    hosts = ["*"] if "*" in hosts else list(dict.fromkeys((*hosts, *LOOPBACK)))
    return dict.fromkeys(SPELLINGS, ",".join(hosts))
