"""The log of a task: the last output of its processes, in two alternating files."""

import asyncio
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
            if file.tell() + len(chunk) > self._limit and file.tell():
                self._old.write_bytes(self._new.read_bytes()[-self._limit :])
                file.truncate(0)
            file.write(chunk)

    def last(self, limit: int | None = None) -> tuple[str, bool]:
        """The last ``limit`` bytes as text, and whether more was printed."""
        limit = limit or self._limit
        old = self._old.read_bytes() if self._old.exists() else b""
        whole = old + (self._new.read_bytes() if self._new.exists() else b"")
        return whole[-limit:].decode(errors="replace"), len(whole) > limit or bool(old)
