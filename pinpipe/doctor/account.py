"""The target as its settings describe it, with clients of AWS made from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from contract.settings import Settings
from hops.access import Access

CONNECT, READ = 5.0, 15.0
"""Seconds until a connection must be there, and for an answer."""


@dataclass(frozen=True)
class Account:
    """Variables of the target, and which of them can't be used."""

    environment: Mapping[str, str]
    faulty: frozenset[str] = field(default_factory=frozenset)
    """Variables that are missing, a placeholder or wrong: what needs them isn't asked."""

    @cached_property
    def settings(self) -> Settings:
        """The typed settings; a faulty variable has its default."""
        return Settings.from_environ(self._usable)

    @cached_property
    def access(self) -> Access:
        """Clients of the hops, as every command of ``pinpipe`` makes them."""
        return Access(self._usable)

    def has(self, *variables: str) -> bool:
        """Whether these are set and can be used."""
        return all(self._usable.get(name) for name in variables)

    def client(self, service: Any) -> Any:
        """A client of an AWS service that soon gives up."""
        return self.access.client(
            service,
            connect_timeout=CONNECT,
            read_timeout=READ,
            retries={"total_max_attempts": 2},
            inject_host_prefix=not self.settings.aws_endpoint_url,  # `api.` is MWAA's
        )

    @cached_property
    def _usable(self) -> dict[str, str]:
        return {name: value for name, value in self.environment.items() if name not in self.faulty}
