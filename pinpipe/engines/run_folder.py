"""The run folder: state, logs, data and secrets of the services, for its owner alone.

A process of a service inherits ``UMASK``, so that every file that it writes is private. `pinpipe`
opens its own files with ``private``. In containers the volumes are the boundary
(tests/unit/test_secrets.py lists which service mounts which volume).
"""

import os
import shutil
import subprocess
import uuid
from pathlib import Path

from pinpipe.errors import StackError

UMASK = 0o077
OTHERS = 0o077
"""Permissions of the group and of all others."""
FOLDERS = ("data", "docker", "logs", "state")
NAMES = {*FOLDERS, "kafka_auth"}
"""Everything that the stack stores in a run folder."""
MARKER = ".pinpipe"
"""File in ``data`` by which `pinpipe` knows a folder that it may remove.

A version without it has left records or locks in ``state``, which count as well.
"""
SCRATCH = "spark"
"""Folder in ``data`` that spark/run.sh makes, maybe before the first start of the stack."""


def prepare(run_dir: Path) -> None:
    """Make the run folder and remove the permissions of others, which older versions left.

    A folder with other files, such as RUN_DIR=/tmp, doesn't belong to the stack: it keeps its mode,
    and only the stack's folders in it are closed.
    """
    run_dir.mkdir(parents=True, exist_ok=True)
    found = {path.name for path in run_dir.iterdir()}
    own = [run_dir] if found <= NAMES else [run_dir / name for name in FOLDERS if name in found]
    for folder in own:
        status = folder.stat()
        if status.st_mode & OTHERS and status.st_uid == os.geteuid():
            # A running service may remove a file meanwhile, which makes chmod fail.
            command = ["chmod", "-R", "go=", str(folder)]
            subprocess.run(command, stderr=subprocess.DEVNULL, check=False)


def claim(run_dir: Path) -> None:
    """Mark ``data`` as a folder of the stack, unless it is marked.

    Raises:
        StackError: the folder has files that the stack has not made.
    """
    prepare(run_dir)
    data = run_dir / "data"
    found = {path.name for path in data.iterdir()} if data.exists() else set()
    if MARKER in found:
        return
    earlier = any(path.suffix in (".json", ".lock") for path in run_dir.glob("state/*"))
    if found - {SCRATCH} and not earlier:
        raise StackError(
            f"{data} has files that are not the stack's: choose another RUN_DIR, or, "
            f"if `pinpipe` may remove them, create the file {data / MARKER}"
        )
    data.mkdir(mode=0o700, exist_ok=True)
    (data / MARKER).write_text("`pinpipe down --volumes` removes this folder.\n")


def remove_data(run_dir: Path) -> None:
    """Remove ``data`` with everything in it.

    Raises:
        StackError: the folder is not the stack's; nothing was removed.
    """
    claim(run_dir)
    data = run_dir / "data"
    shutil.rmtree(data.resolve())
    data.unlink(missing_ok=True)  # a link to the folder


def private(path: str, flags: int) -> int:
    """An ``opener`` for ``open``: only the owner may read and write the file."""
    return os.open(path, flags, 0o600)


def store(path: Path, content: bytes) -> None:
    """Write a private file whole: a reader finds the old content or the new."""
    draft = path.with_suffix(f".{uuid.uuid4().hex}.tmp")
    with open(draft, "wb", opener=private) as file:
        file.write(content)
    draft.replace(path)
