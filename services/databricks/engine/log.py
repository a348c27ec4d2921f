"""The log of a task: the last output of its processes, in two alternating files."""

import asyncio
import os
from pathlib import Path

CHUNK = 65_536


class BoundedLog:
    """Keeps at least the last ``limit`` bytes, and at most twice as many."""

    def __init__(self, folder: Path, limit: int) -> None:
        self._new, self._old, self._limit = folder / "log", folder / "log.1", limit

    async def take(self, stream: asyncio.StreamReader) -> None:
        """Write the output of a stream until it ends."""
        self._new.touch()
        while chunk := await stream.read(CHUNK):
            self.write(chunk)

    def write(self, chunk: bytes) -> None:
        """Write output. Several writers may take turns."""
        with self._new.open("ab", buffering=0) as file:
            if file.tell() + len(chunk) <= self._limit or not file.tell():
                file.write(chunk)
                return
        self._new.replace(self._old)
        self._new.write_bytes(chunk)

    def last(self, limit: int | None = None) -> tuple[str, bool]:
        """The last ``limit`` bytes as text, and whether more was printed; reads no more of them."""
        limit = limit or self._limit
        new, is_cut = _tail(self._new, limit)
        old, older_is_cut = _tail(self._old, limit - len(new))
        return (old + new).decode(errors="replace"), is_cut or older_is_cut or bool(old)


def _tail(file: Path, limit: int) -> tuple[bytes, bool]:
    """The last ``limit`` bytes of a file, and whether it has more; nothing without the file."""
    try:
        with file.open("rb") as opened:
            size = opened.seek(0, os.SEEK_END)
            opened.seek(max(size - limit, 0))
            return opened.read(limit), size > limit
    except FileNotFoundError:
        return b"", False
