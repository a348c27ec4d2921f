"""A file with every request and its response, which ``pinpipe trace`` reads.

One JSON line an attempt: ``time`` (UTC), ``method``, ``url``, ``entity``, ``status`` (null without
a response), ``keys``, and ``records``: for each row ``key`` and either its position
(``topic``, ``partition``, ``offset``; or ``stream``, ``shard``, ``sequence_number``) or ``error``.
At ``LIMIT`` the file is renamed to ``FILE.1`` and that one to ``FILE.2``, up to ``FILE.4``.
"""

import fcntl
import os
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock

from contract import wire
from contract.errors import PipelineError
from emulator.delivery.request import Outcome, Request

LIMIT = 16 * 1024 * 1024
"""Bytes at which a file is full."""
FILES = 5


class JournalError(PipelineError):
    """The journal cannot be written."""


class Journal:
    """One journal file; any number of threads and runs may write to it.

    Raises:
        JournalError: the file cannot be opened.
    """

    def __init__(self, path: Path, limit: int = LIMIT) -> None:
        self._path, self._limit = path, limit
        self._lock = Lock()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._guard = path.with_name(path.name + ".lock").open("ab")
            path.open("ab").close()
        except OSError as error:
            raise JournalError(f"journal {path}: {error}") from error

    def write(self, request: Request, status: int | None, outcomes: tuple[Outcome, ...]) -> None:
        """Append one attempt.

        Raises:
            JournalError: the file cannot be written.
        """
        document: dict[str, wire.Json] = {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "method": request.method,
            "url": request.url,
            "entity": request.rows[0].entity.name,
            "status": status,
            "keys": [outcome.row.key for outcome in outcomes],
            "records": [
                {"key": outcome.row.key, **(outcome.position or {"error": outcome.error})}
                for outcome in outcomes
            ],
        }
        line = wire.dumps(document).encode() + b"\n"
        try:
            with self._lock:
                # Without this lock another run could rename the file in between.
                fcntl.flock(self._guard, fcntl.LOCK_EX)
                try:
                    self._append(line)
                finally:
                    fcntl.flock(self._guard, fcntl.LOCK_UN)
        except OSError as error:
            raise JournalError(f"journal {self._path}: {error}") from error

    def close(self) -> None:
        """Close the file."""
        self._guard.close()

    def _append(self, line: bytes) -> None:
        with self._path.open("ab") as file:
            full = file.tell() and file.tell() + len(line) > self._limit
            if not full:
                file.write(line)
                return
        for number in range(FILES - 1, 0, -1):
            older = self._path.with_name(f"{self._path.name}.{number}")
            newer = older.with_name(f"{self._path.name}.{number - 1}") if number > 1 else self._path
            if newer.exists():
                os.replace(newer, older)
        with self._path.open("ab") as file:
            file.write(line)
