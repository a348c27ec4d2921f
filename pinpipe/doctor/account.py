"""The settings of the target, with AWS clients made from them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from contract.settings import Settings
from hops.access import Access

CONNECT, READ = 5.0, 15.0
"""Seconds until a connection, and until a response."""


@dataclass(frozen=True)
class Account:
    """Variables of the target, and the invalid ones among them."""

    environment: Mapping[str, str]
    faulty: frozenset[str] = field(default_factory=frozenset)
    """Variables that are missing, a placeholder or invalid: checks that need them are skipped."""

    @cached_property
    def settings(self) -> Settings:
        """The typed settings, with the default for a faulty variable."""
        return Settings.from_environ(self._usable)

    @cached_property
    def access(self) -> Access:
        """Clients of the hops, as in every command of ``pinpipe``."""
        return Access(self._usable)

    def has(self, *variables: str) -> bool:
        """Whether all variables are set and valid."""
        return all(self._usable.get(name) for name in variables)

    def client(self, service: Any) -> Any:
        """A client of an AWS service with short time-outs."""
        return self.access.client(
            service,
            connect_timeout=CONNECT,
            read_timeout=READ,
            retries={"total_max_attempts": 2},
            inject_host_prefix=not self.settings.aws_endpoint_url,  # MWAA's hosts begin with `api.`
        )

    @cached_property
    def _usable(self) -> dict[str, str]:
        return {name: value for name, value in self.environment.items() if name not in self.faulty}
