"""Files of a task that lie in S3, brought into its folder."""

from __future__ import annotations

import re
from pathlib import Path

_URI = re.compile(r"s3[an]?://([^/]+)/(.+)")


def local(path: str, folder: Path) -> Path:
    """A file on this machine: ``path`` itself, or a copy of the object that it names."""
    match = _URI.match(path)
    if not match:
        return Path(path)
    import boto3  # heavy, and seldom needed

    target = folder / "files" / match[2].rsplit("/", 1)[-1]
    target.parent.mkdir(parents=True, exist_ok=True)
    boto3.client("s3").download_file(match[1], match[2], str(target))
    return target
