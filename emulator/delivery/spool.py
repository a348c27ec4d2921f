"""A file with the rows that could not be sent, until they are.

JSON lines, ``{"entity":"pin","key":7528,"value":{...}}``. An entry is written before a run reports
its row as failed, and removed once the row is acknowledged. After a crash in between the row is
sent again: duplicates are normal input downstream, gaps are not.
"""

import fcntl
import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from threading import Lock
from typing import BinaryIO

from contract import wire
from contract.entities import entity
from contract.errors import PipelineError
from emulator.delivery.request import Row


class SpoolError(PipelineError):
    """The spool cannot be used: another run has it, or the file cannot be written."""


class Spool:
    """One spool file, locked by this run.

    Lines that are no entry, such as a last line that a crash cut off, are moved to
    ``FILE.broken``; ``broken`` is their number.

    Raises:
        SpoolError: another run has locked it, or the file cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = Lock()
        self._acknowledged: set[int] = set()
        self.broken = 0
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # A lock file of its own, because the spool itself is replaced.
            self._guard = path.with_name(path.name + ".lock").open("ab")
            fcntl.flock(self._guard, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._replace(self._valid_lines())
        except BlockingIOError as error:
            self._guard.close()
            raise SpoolError(f"spool {path} is in use by another run") from error
        except OSError as error:
            raise SpoolError(f"spool {path}: {error}") from error

    def rows(self) -> Iterator[Row]:
        """The entries, oldest first. ``keep`` must not be called while they are read."""
        if not self._path.exists():
            return
        with self._path.open("rb") as file:
            for number, line in enumerate(file):
                yield _row(line, number)

    def keep(self, rows: Iterable[Row]) -> None:
        """Append rows that could not be sent, unless they are entries already.

        Raises:
            SpoolError: the file cannot be written.
        """
        lines = b"".join(_line(row) for row in rows if row.entry is None)
        if not lines:
            return
        try:
            with self._lock, self._path.open("ab") as file:
                file.write(lines)
                _to_disk(file)
        except OSError as error:
            raise SpoolError(f"spool {self._path}: {error}") from error

    def acknowledged(self, rows: Iterable[Row]) -> None:
        """Mark entries as stored; ``compact`` removes them."""
        with self._lock:
            self._acknowledged.update(row.entry for row in rows if row.entry is not None)

    def compact(self) -> None:
        """Remove the acknowledged entries from the file. Call it after ``rows`` has ended.

        Raises:
            SpoolError: the file cannot be written.
        """
        with self._lock:
            if not self._acknowledged:
                return
            try:
                with self._path.open("rb") as file:
                    self._replace(
                        line for n, line in enumerate(file) if n not in self._acknowledged
                    )
            except OSError as error:
                raise SpoolError(f"spool {self._path}: {error}") from error
            self._acknowledged.clear()

    def close(self) -> None:
        """Release the spool to other runs."""
        self._guard.close()

    def _valid_lines(self) -> Iterator[bytes]:
        if not self._path.exists():
            return
        with self._path.open("rb") as file:
            for line in file:
                try:
                    _row(line, 0)
                except (ValueError, KeyError, TypeError):
                    self.broken += 1
                    with self._path.with_name(self._path.name + ".broken").open("ab") as broken:
                        broken.write(line.rstrip(b"\n") + b"\n")
                else:
                    yield line.rstrip(b"\n") + b"\n"

    def _replace(self, lines: Iterable[bytes]) -> None:
        """Replace the file atomically by ``lines``; without lines remove it."""
        new = self._path.with_name(self._path.name + ".new")
        with new.open("wb") as file:
            file.writelines(lines)
            _to_disk(file)
        if new.stat().st_size:
            os.replace(new, self._path)
        else:
            self._path.unlink(missing_ok=True)
            new.unlink()


def _line(row: Row) -> bytes:
    document: dict[str, wire.Json] = {
        "entity": row.entity.name,
        "key": row.key,
        "value": row.value,
    }
    return wire.dumps(document).encode() + b"\n"


def _row(line: bytes, number: int) -> Row:
    document = json.loads(line)
    value = document["value"]
    if not isinstance(value, dict):
        raise TypeError("value is no object")
    return Row(entity(document["entity"]), int(document["key"]), value, entry=number)


def _to_disk(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())
