"""The requests that an HTTP service of the stack accepts, by their Host and their Origin.

A web page in a browser on this machine reaches every port of 127.0.0.1. Two headers reveal such a
request, and a page can set neither. ``Host`` has the name that the browser resolved: a name of the
page's own may lead to 127.0.0.1 (DNS rebinding). ``Origin`` has the site of the page.
"""

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase
from functools import lru_cache
from ipaddress import ip_address
from urllib.parse import urlsplit

SERVICES = ("databricks", "localstack", "rest-proxy")
"""Services of docker-compose.yml that check their requests; others reach them by these names."""

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that change nothing."""

_HOST = re.compile(r"(\[[^\]\s]+\]|[^\s:@/\\?#\[\]]+?)\.?(?::(\d{1,5}))?")
_PORTS = {"http": "80", "https": "443"}


class Hosts:
    """The names by which a service may be called."""

    def __init__(self, allowed: Iterable[str], *own: str) -> None:
        """Allow the names of ALLOWED_HOSTS and the service's ``own`` URLs and patterns of names."""
        self._listed = [*allowed, *(name[1:] for name in allowed if name.startswith("."))]
        self._listed = [f"*{name}" if name.startswith(".") else name for name in self._listed]
        own = tuple(urlsplit(each).hostname or each for each in own)
        self._names = [*SERVICES, "localhost", "*.localhost", *own, *self._listed]
        self.refusal = lru_cache(maxsize=64)(self._refusal)

    def _refusal(
        self, changes: bool, host: str | None, origin: str | None, site: str | None = None
    ) -> str | None:
        """Return why a request is refused; None for an accepted one.

        Args:
            changes: whether the request may change something.
            host: its header ``Host``; every browser sends one.
            origin: its header ``Origin``, which browsers send with each method that is not safe.
            site: its header ``Sec-Fetch-Site``, which browsers send with a GET as well.
        """
        name, port = _parsed(host) if host is not None else ("localhost", None)
        if not (_is_address(name) or _is_in(self._names, name)):
            return f"Host {host!r:.100} is not allowed: add its name to ALLOWED_HOSTS"
        if changes and origin is not None:
            scheme, _, rest = origin.partition("://")
            page, page_port = _parsed(rest)
            usual = _PORTS.get(scheme)
            own = (page, page_port or usual) == (name, port or usual)
            if not own and not _is_in(self._listed, page):
                return f"Origin {origin!r:.100} is not allowed: add its name to ALLOWED_HOSTS"
        elif changes and site == "cross-site":
            return "a page of another site may not send this request"
        return None


def _parsed(text: str) -> tuple[str, str | None]:
    """Name in lower case and port of a Host; an empty name if it has another form."""
    match = _HOST.fullmatch(text.lower())
    return (match[1], match[2]) if match else ("", None)


def _is_in(patterns: Iterable[str], name: str) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _is_address(name: str) -> bool:
    try:
        return bool(ip_address(name.strip("[]")))
    except ValueError:
        return False
