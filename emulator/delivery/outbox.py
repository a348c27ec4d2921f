"""The outbox: each row from its draw until a response settles it, in one SQLite file.

A row is written to ``in_flight`` when it is drawn, before any request has it, in one transaction
with the place of its post in the order. A response that reports it as stored, or as rejected for
good, moves it to ``settled``; a row that got neither stays, and the next start sends it first. The
view ``sent`` shows both tables, which hops/outbox.py reads while a run writes them.

A commit is in the file before the request of its rows is sent, so a killed program loses nothing.
It is not yet on the disk (``synchronous=NORMAL``): nobody gets an answer for it before ``flush``,
at the end of a run. A power cut may undo the last commits: rows that they settled are sent twice,
and rows that they drew are drawn again by ``--resume``, since their place is undone as well.
"""

import fcntl
import json
import random
import sqlite3
import sys
from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock

from contract import wire
from contract.entities import ENTITIES, PIN, entity
from contract.errors import PipelineError
from contract.settings import Settings
from emulator.delivery.request import Outcome, Request, Route, Row

SETTLED = 200_000
"""Settled rows that the file holds, the newest; about 40 MB."""

_FORMAT = 0x6F757401
"""``user_version`` of the file: "out" and the version of its tables."""
_SCHEMA = f"""
CREATE TABLE in_flight (
    id INTEGER PRIMARY KEY, run INTEGER, target TEXT, entity TEXT, key INTEGER, value TEXT,
    attempts INTEGER DEFAULT 0, time TEXT, request TEXT, status INTEGER, error TEXT);
CREATE TABLE settled (
    id INTEGER PRIMARY KEY, target TEXT, entity TEXT, key INTEGER,
    attempts INTEGER, time TEXT, request TEXT, status INTEGER, error TEXT,
    partition INTEGER, offset INTEGER, shard TEXT, sequence_number TEXT);
CREATE TABLE places (target TEXT, sequence TEXT, next INTEGER, PRIMARY KEY (target, sequence));
CREATE VIEW sent AS
    SELECT target, entity, key, CASE WHEN error IS NULL THEN 'stored' ELSE 'refused' END AS state,
        attempts, time, request, status, error, partition, offset, shard, sequence_number
        FROM settled
    UNION ALL
    SELECT target, entity, key, 'in flight', attempts, time, request, status, error,
        NULL, NULL, NULL, NULL FROM in_flight;
PRAGMA user_version = {_FORMAT};
"""
_PRAGMAS = (
    "busy_timeout=30000",
    "synchronous=NORMAL",
    "wal_autocheckpoint=4000",  # 16 MB: each checkpoint waits for the disk
    "journal_size_limit=16777216",
)
_POSITION = ("partition", "offset", "shard", "sequence_number")
"""Fields of a position, which are columns of ``settled``."""
_PAGE = 500
"""Rows that ``earlier`` reads at a time."""


class OutboxError(PipelineError):
    """The outbox cannot be opened, read or written."""


class Outbox:
    """One outbox file; any number of threads and runs may use it at a time.

    A run locks a byte of ``FILE.lock`` while it lives. So the next run knows whose rows it may
    take over, also across containers, where the ids of processes say nothing.

    Args:
        path: the file; it is created with its folder.
        route: names the topics or streams of the rows; a run takes over only rows for them.
        settled: settled rows that the file holds.

    Raises:
        OutboxError: the file cannot be opened, is damaged, or is not an outbox of this version.
    """

    def __init__(self, path: Path, route: Route, settled: int = SETTLED) -> None:
        self._path, self._most = path, settled
        self._targets = {entity.name: route.target(entity) for entity in ENTITIES}
        self._lock = Lock()
        self._run = random.SystemRandom().randrange(1, 1 << 48)
        """Number of the run, and of the byte that it locks."""
        try:
            with ExitStack() as opened:
                path.parent.mkdir(parents=True, exist_ok=True)
                guard = path.with_name(path.name + ".lock")
                self._guard = opened.enter_context(guard.open("ab"))
                fcntl.lockf(self._guard, fcntl.LOCK_EX, 1, 0)  # one run opens the file at a time
                if path.exists() and not path.stat().st_size and guard.stat().st_size:
                    raise sqlite3.DatabaseError("the file is empty, something has cut it")
                self._db = opened.enter_context(
                    closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False))
                )
                self._prepare()
                if not guard.stat().st_size:
                    self._guard.write(b"An outbox exists.\n")
                    self._guard.flush()
                fcntl.lockf(self._guard, fcntl.LOCK_UN, 1, 0)
                fcntl.lockf(self._guard, fcntl.LOCK_EX, 1, self._run)
                self._opened = opened.pop_all()
        except (OSError, sqlite3.Error) as error:
            raise self._error(error) from error

    def place(self, sequence: str) -> int:
        """The number of draws of a sequence that runs on this route have recorded.

        If several runs draw at a time, it is that of the run that has recorded last.
        """
        query = "SELECT next FROM places WHERE target = ? AND sequence = ?"
        with self._transaction() as db:
            row = db.execute(query, (self._targets[PIN.name], sequence)).fetchone()
        return row[0] if row else 0

    def earlier(self) -> Iterator[Row]:
        """Take over the rows in flight of runs that have ended, and yield them, oldest first.

        ``record`` must not be called before the end of the iteration.
        """
        marks = ", ".join("?" * len(self._targets))
        where = f"WHERE target IN ({marks}) AND run = ?"
        targets = tuple(self._targets.values())
        with self._transaction() as db:
            for (run,) in db.execute("SELECT DISTINCT run FROM in_flight").fetchall():
                if self._ended(run):
                    db.execute(f"UPDATE in_flight SET run = ? {where}", (self._run, *targets, run))
        query = f"SELECT id, entity, key, value FROM in_flight {where} AND id > ? ORDER BY id LIMIT"
        last = 0
        while True:
            with self._transaction() as db:
                page = db.execute(f"{query} {_PAGE}", (*targets, self._run, last)).fetchall()
            for last, name, key, value in page:
                yield Row(entity(name), key, json.loads(value), last)
            if len(page) < _PAGE:
                return

    def record(self, rows: Sequence[Row], sequence: str, place: int) -> list[Row]:
        """Store drawn rows and the number of draws of their sequence; return the rows with ids."""
        texts = [wire.dumps(row.value) for row in rows]
        with self._transaction() as db:
            ((last,),) = db.execute("SELECT ifnull(max(id), 0) FROM in_flight")
            recorded = [
                Row(row.entity, row.key, row.value, id) for id, row in enumerate(rows, last + 1)
            ]
            db.executemany(
                "INSERT INTO in_flight (id, run, target, entity, key, value) "
                "VALUES (?, ?, ?, ?, ?, ?)",
                (
                    (
                        row.id,
                        self._run,
                        self._targets[row.entity.name],
                        row.entity.name,
                        row.key,
                        text,
                    )
                    for row, text in zip(recorded, texts, strict=True)
                ),
            )
            db.execute(
                "INSERT OR REPLACE INTO places VALUES (?, ?, ?)",
                (self._targets[PIN.name], sequence, place),
            )
        return recorded

    def settle(
        self,
        request: Request,
        status: int | None,
        outcomes: Sequence[Outcome],
        again: Collection[int],
    ) -> None:
        """Store an attempt at a request: its rows are settled, save those with an id in ``again``.

        Args:
            request: the request.
            status: HTTP status of its response; None without a response.
            outcomes: one for each row of the request.
            again: ids of the rows that stay in flight.
        """
        time = datetime.now(UTC).isoformat(timespec="milliseconds")
        line = f"{request.method} {request.url}"
        done, left = [], []
        for outcome in outcomes:
            if outcome.row.id in again:
                left.append((time, line, status, outcome.error, outcome.row.id))
            else:
                position = map((outcome.position or {}).get, _POSITION)
                done.append((time, line, status, outcome.error, *position, outcome.row.id))
        with self._transaction() as db:
            db.executemany(
                "UPDATE in_flight SET attempts = attempts + 1, time = ?, request = ?, status = ?, "
                "error = ? WHERE id = ?",
                left,
            )
            db.executemany(
                "INSERT INTO settled SELECT NULL, target, entity, key, attempts + 1, "
                "?, ?, ?, ?, ?, ?, ?, ? FROM in_flight WHERE id = ?",
                done,
            )
            db.executemany("DELETE FROM in_flight WHERE id = ?", ((row[-1],) for row in done))
            db.execute(
                "DELETE FROM settled WHERE id <= (SELECT max(id) FROM settled) - ?", (self._most,)
            )

    def flush(self) -> None:
        """Return when everything that was written is on the disk."""
        with self._transaction(begin="") as db:
            db.execute("PRAGMA wal_checkpoint")

    def close(self) -> None:
        """Close the file; rows in flight are the next run's from now on."""
        with self._lock:
            self._opened.close()

    def _prepare(self) -> None:
        """Check that the file is an outbox; create the tables of a new one."""
        for pragma in _PRAGMAS:
            self._db.execute(f"PRAGMA {pragma}")
        ((tables,),) = self._db.execute("SELECT count(*) FROM sqlite_master")
        ((version,),) = self._db.execute("PRAGMA user_version")
        if not tables:
            # Before the next pragma, so that a reader finds either nothing or all tables.
            self._db.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} COMMIT;")
        elif version != _FORMAT:
            raise sqlite3.DatabaseError("a database, but not an outbox of this version")
        self._db.execute("PRAGMA journal_mode=WAL")
        ((found,), *_) = self._db.execute("PRAGMA quick_check(in_flight)")
        if found != "ok":
            raise sqlite3.DatabaseError(found)

    def _ended(self, run: int) -> bool:
        """Whether a run, not this one, no longer lives."""
        if run == self._run:
            return False
        try:
            fcntl.lockf(self._guard, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, run)
        except (BlockingIOError, PermissionError):
            return False
        fcntl.lockf(self._guard, fcntl.LOCK_UN, 1, run)
        return True

    @contextmanager
    def _transaction(self, begin: str = "BEGIN IMMEDIATE") -> Iterator[sqlite3.Connection]:
        try:
            with self._lock, self._db:
                self._db.execute(begin)
                yield self._db
        except sqlite3.Error as error:
            raise self._error(error) from error

    def _error(self, error: Exception) -> OutboxError:
        text = f"outbox {self._path}: {error}"
        if isinstance(error, sqlite3.DatabaseError) and not isinstance(
            error, sqlite3.OperationalError
        ):
            text += (
                f"; it may hold rows that were not sent, which `sqlite3 {self._path} .recover` may "
                "still read: move it away, and the next start makes a new one"
            )
        return OutboxError(text)


def copy(path: Path) -> bytes:
    """The content of an outbox at this moment, as a file of its own; empty if none exists."""
    if not path.exists():
        return b""
    with closing(sqlite3.connect(path, 30)) as db, closing(sqlite3.connect(":memory:")) as copied:
        db.backup(copied)
        return copied.serialize()


if __name__ == "__main__":
    # `pinpipe trace` reads this from a container, whose volume it cannot open.
    sys.stdout.buffer.write(copy(Path(Settings.from_environ().emulator_outbox)))
