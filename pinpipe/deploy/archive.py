"""ZIP archives whose bytes depend on their members alone, and short names of such bytes."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Mapping

OLDEST = (1980, 1, 1, 0, 0, 0)
"""The time of every member: the first that a ZIP can tell."""


def zipped(members: Mapping[str, bytes]) -> bytes:
    """Return an archive of ``members``, contents by name, in the order of their names.

    They are stored and not compressed: compressed bytes differ between versions of zlib, and what
    is large is jars, which are compressed already.
    """
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name in sorted(members):
            member = zipfile.ZipInfo(name, OLDEST)
            member.create_system = 3  # Unix, wherever it's built
            member.external_attr = 0o100644 << 16
            archive.writestr(member, members[name])
    return target.getvalue()


def version(content: bytes) -> str:
    """First 12 hex digits of the SHA-256: the name of a version of ``content``."""
    return hashlib.sha256(content).hexdigest()[:12]
