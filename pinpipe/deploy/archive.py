"""ZIP archives with reproducible bytes, and versions of contents."""

import hashlib
import io
import zipfile
from collections.abc import Mapping

OLDEST = (1980, 1, 1, 0, 0, 0)
"""Time of every member: the first that a ZIP can store."""


def zipped(members: Mapping[str, bytes]) -> bytes:
    """Return an archive of ``members`` (contents by name), in the order of their names.

    Members aren't compressed, because compressed bytes differ between versions of zlib; the large
    members are jars, which are compressed already.
    """
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name in sorted(members):
            member = zipfile.ZipInfo(name, OLDEST)
            member.create_system = 3  # Unix, on every system
            member.external_attr = 0o100644 << 16
            archive.writestr(member, members[name])
    return target.getvalue()


def version(content: bytes) -> str:
    """Version of ``content``: the first 12 hex digits of its SHA-256."""
    return hashlib.sha256(content).hexdigest()[:12]
