"""Files that are replaced whole: a reader, or a power cut, finds the old or the new content."""

import os
from pathlib import Path


def replace(path: Path, text: str) -> None:
    """Write a file and its folder; it is on disk at the return. One process writes it at a time.

    Raises:
        OSError: the disk is full, or the file can't be written; the old file stays.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.new")
    with new.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def put_aside(path: Path) -> Path:
    """Rename a damaged file, so that it can be made again; return its new path."""
    return path.replace(path.with_name(f"{path.name}.damaged"))
