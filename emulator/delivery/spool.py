"""A file that keeps the rows that could not be sent, until they are.

JSON lines, ``{"entity":"pin","key":7528,"value":{...}}``. Entries are appended before a run
says that it failed, and leave the file only when they are acknowledged. A crash in between
sends them again: duplicates are normal input downstream, gaps are not.
"""

from __future__ import annotations

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
    """The spool can't be used: another run has it, or the file can't be written."""


class Spool:
    """One spool file, held by this run alone.

    A last line that a crash cut short, and any other line that is no entry, is moved to
    ``FILE.broken``; ``broken`` says how many.

    Raises:
        SpoolError: another run holds it, or the file can't be opened.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = Lock()
        self._acknowledged: set[int] = set()
        self.broken = 0
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # Not the spool itself: that one is replaced by a shorter one.
            self._guard = path.with_name(path.name + ".lock").open("ab")
            fcntl.flock(self._guard, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._replace(self._sound_lines())
        except BlockingIOError as error:
            self._guard.close()
            raise SpoolError(f"spool {path} is in use by another run") from error
        except OSError as error:
            raise SpoolError(f"spool {path}: {error}") from error

    def rows(self) -> Iterator[Row]:
        """The entries, oldest first. None may be kept while they are read."""
        if not self._path.exists():
            return
        with self._path.open("rb") as file:
            for number, line in enumerate(file):
                yield _row(line, number)

    def keep(self, rows: Iterable[Row]) -> None:
        """Append rows that could not be sent; one that is an entry already stays as it is.

        Raises:
            SpoolError: the file can't be written.
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
        """Note that entries were stored; ``compact`` takes them out."""
        with self._lock:
            self._acknowledged.update(row.entry for row in rows if row.entry is not None)

    def compact(self) -> None:
        """Take the acknowledged entries out of the file. Call it after all of ``rows``.

        Raises:
            SpoolError: the file can't be written.
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
        """Let another run have it."""
        self._guard.close()

    def _sound_lines(self) -> Iterator[bytes]:
        if not self._path.exists():
            return
        with self._path.open("rb") as file:
            for line in file:
                try:
                    _row(line, 0)
                except (ValueError, KeyError, TypeError):
                    self.broken += 1
                    with self._path.with_name(self._path.name + ".broken").open("ab") as aside:
                        aside.write(line.rstrip(b"\n") + b"\n")
                else:
                    yield line.rstrip(b"\n") + b"\n"

    def _replace(self, lines: Iterable[bytes]) -> None:
        """Put ``lines`` in the place of the file, at once; none at all removes it."""
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
