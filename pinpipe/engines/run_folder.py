"""The run folder: state, logs, data and secrets of the services, for its owner alone.

A process of a service inherits ``UMASK``, so that every file that it writes is private. `pinpipe`
opens its own files with ``private``. In containers the volumes are the boundary
(tests/unit/test_secrets.py lists which service mounts which volume).
"""

import os
import subprocess
from pathlib import Path

UMASK = 0o077
OTHERS = 0o077
"""Permissions of the group and of all others."""
FOLDERS = ("data", "docker", "logs", "state")
NAMES = {*FOLDERS, "kafka_auth"}
"""Everything that the stack stores in a run folder."""


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


def private(path: str, flags: int) -> int:
    """An ``opener`` for ``open``: only the owner may read and write the file."""
    return os.open(path, flags, 0o600)
