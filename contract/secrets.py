"""Secrets that come from files, and where they are put."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

from contract.errors import SettingError


def with_password(url: str, password: str) -> str:
    """Put a password into a database's URL, unless it has one or names no user."""
    scheme, _, rest = url.partition("://")
    authority, slash, path = rest.partition("/")
    user, at, host = authority.rpartition("@")
    if not at or ":" in user:
        return url
    return f"{scheme}://{user}:{quote(password, safe='')}@{host}{slash}{path}"


def secret(variable: str, file: str) -> str:
    """Read a secret from the file that ``variable`` names.

    Raises:
        SettingError: the file can't be read.
    """
    try:
        return Path(file).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise SettingError(variable, file, str(error)) from error
