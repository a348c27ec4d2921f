"""The log of a task: the last output of its processes, in two alternating files."""

import asyncio
import os
from pathlib import Path

CHUNK = 65_536


class BoundedLog:
    """Keeps at least the last ``limit`` bytes, and at most twice as many."""

    def __init__(self, folder: Path, limit: int) -> None:
        self._new, self._old, self._limit = folder / "log", folder / "log.1", limit
        self._lost = 0
        """Bytes that the disk did not take, which the next output will report."""

    async def take(self, stream: asyncio.StreamReader) -> None:
        """Write the output of a stream until it ends."""
        while chunk := await stream.read(CHUNK):
            self.write(chunk)

    def write(self, chunk: bytes) -> None:
        """Write output. Several writers may take turns.

        Output that a full disk does not take is lost: its program must not wait for space.
        """
        note = b"\n[%d bytes are lost: the disk was full]\n" % self._lost if self._lost else b""
        left = memoryview(note + chunk)
        try:
            size = self._new.stat().st_size if self._new.exists() else 0
            if size and size + len(left) > self._limit:
                self._new.replace(self._old)
            with self._new.open("ab", buffering=0) as file:
                while left:
                    left = left[file.write(left) :]
        except OSError:
            self._lost += min(len(left), len(chunk))
        else:
            self._lost = 0

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
