"""The logs of the services without Docker: files that are rotated while services write to them.

A service appends to its log without knowing of it, so that a service and its supervisor do not
depend on each other. A log that is too long is therefore copied and then cut. What a service writes
between the two is lost: some microseconds in 10 MiB.
"""

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

BYTES = 10 * 2**20
"""Size from which a log is rotated; ``logging`` in docker-compose.yml has the same bounds."""
FILES = 3
"""Files of a log, the current one and the rotated ones."""
LINES = 15
"""Last lines of a log that a report on a failed service contains."""


def _rotated(path: Path, number: int) -> Path:
    """The file that was rotated ``number`` times; 0 is the current one."""
    return path.with_name(f"{path.name}.{number}") if number else path


def rotate(path: Path, limit: int = BYTES) -> bool:
    """Rotate a log that has more than ``limit`` bytes; return whether it had."""
    if path.stat().st_size <= limit:
        return False
    _rotated(path, FILES - 1).unlink(missing_ok=True)  # before the copy: the disk may be full
    for number in range(FILES - 2, 0, -1):
        if _rotated(path, number).exists():
            _rotated(path, number).replace(_rotated(path, number + 1))
    draft = path.with_suffix(".copy")
    with path.open("r+b") as log, draft.open("wb") as copy:
        shutil.copyfileobj(log, copy, 2**20)
        draft.replace(_rotated(path, 1))
        copy.write(log.read())
        copy.flush()
        log.truncate(0)
    return True


def read(path: Path, follow: bool) -> Iterator[bytes]:
    """The content of a log, the oldest first; with ``follow`` also what is written later."""
    for number in range(FILES - 1, 0, -1):
        if _rotated(path, number).exists():
            yield _rotated(path, number).read_bytes()
    with path.open("rb") as log:
        while True:
            if path.stat().st_size < log.tell():
                with _rotated(path, 1).open("rb") as before:
                    before.seek(log.tell())
                    yield before.read()
                log.seek(0)
            if found := log.read(2**20):
                yield found
            elif follow:
                time.sleep(0.2)
            else:
                return


def tail(path: Path) -> str:
    """The last lines of a log."""
    if not path.exists():
        return ""
    with path.open("rb") as log:
        log.seek(max(0, path.stat().st_size - 200 * LINES))
        return "\n".join(log.read().decode(errors="replace").splitlines()[-LINES:])
