"""``dbutils.secrets``: secrets are variables of the environment, ``SECRET_<SCOPE>_<KEY>``."""

from __future__ import annotations

import os
import re
from typing import NamedTuple

PREFIX = "SECRET_"


class SecretError(Exception):
    """There is no such secret."""


class SecretMetadata(NamedTuple):
    """A key of a scope."""

    key: str


class Secrets:
    """The calls of ``dbutils.secrets``; values that were read are not shown (``seen``)."""

    def __init__(self, seen: set[str]) -> None:
        self._seen = seen

    def get(self, scope: str, key: str) -> str:
        """A secret.

        Raises:
            SecretError: names the variable that is missing.
        """
        variable = f"{PREFIX}{_word(scope)}_{_word(key)}"
        value = os.environ.get(variable)
        if value is None:
            raise SecretError(
                f"Secret does not exist with scope: {scope} and key: {key} (variable {variable})"
            )
        if value:
            self._seen.add(value)
        return value

    def getBytes(self, scope: str, key: str) -> bytes:
        """A secret as bytes."""
        return self.get(scope, key).encode()

    def list(self, scope: str) -> list[SecretMetadata]:
        """Keys of a scope, as their variables spell them."""
        start = f"{PREFIX}{_word(scope)}_"
        names = sorted(name for name in os.environ if name.startswith(start))
        return [SecretMetadata(name.removeprefix(start).lower()) for name in names]


def _word(name: str) -> str:
    return re.sub(r"\W", "_", name).upper()
