"""Secrets that are read from files."""

from pathlib import Path
from urllib.parse import quote

from contract.errors import SettingError

MAXIMUM = 65_536
"""Bytes of a file with a secret."""


def lacks_password(url: str) -> bool:
    """Whether a database URL has a user without a password."""
    user, at, _ = url.partition("://")[2].partition("/")[0].rpartition("@")
    return bool(at) and ":" not in user


def with_password(url: str, password: str) -> str:
    """Insert a password into a database URL, if it lacks one."""
    if not lacks_password(url):
        return url
    scheme, _, rest = url.partition("://")
    authority, slash, path = rest.partition("/")
    user, _, host = authority.rpartition("@")
    return f"{scheme}://{user}:{quote(password, safe='')}@{host}{slash}{path}"


def secret(variable: str, file: str) -> str:
    """Read a secret from the file that ``variable`` names.

    Raises:
        SettingError: the file cannot be read, or is no text.
    """
    try:
        with Path(file).open("rb") as opened:
            found = opened.read(MAXIMUM + 1)
        if len(found) > MAXIMUM or b"\0" in found or not found.strip():
            reason = f"it must have text, and at most {MAXIMUM} bytes"
            raise SettingError(variable, file, reason)
        return found.decode().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingError(variable, file, str(error)) from error
