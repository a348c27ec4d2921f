"""Secrets that are read from files."""

from pathlib import Path
from urllib.parse import quote

from contract.errors import SettingError


def with_password(url: str, password: str) -> str:
    """Insert a password into a database URL, unless the URL has one or has no user."""
    scheme, _, rest = url.partition("://")
    authority, slash, path = rest.partition("/")
    user, at, host = authority.rpartition("@")
    if not at or ":" in user:
        return url
    return f"{scheme}://{user}:{quote(password, safe='')}@{host}{slash}{path}"


def secret(variable: str, file: str) -> str:
    """Read a secret from the file that ``variable`` names.

    Raises:
        SettingError: the file cannot be read.
    """
    try:
        return Path(file).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise SettingError(variable, file, str(error)) from error
