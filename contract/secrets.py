"""Secrets that are read from files."""

from pathlib import Path
from urllib.parse import quote

from contract.errors import SettingError


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
        SettingError: the file cannot be read.
    """
    try:
        return Path(file).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise SettingError(variable, file, str(error)) from error
