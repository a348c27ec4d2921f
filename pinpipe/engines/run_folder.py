"""The run folder: state, logs, data and secrets of the services, for its owner alone.

A service that `pinpipe` starts as a process inherits ``UMASK``, so that a secret is safe in
whichever file a program puts it, and what `pinpipe` writes itself is opened with ``private``. In
containers the volumes are the boundary (tests/unit/test_secrets.py lists who mounts which).
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

UMASK = 0o077
OTHERS = 0o077
"""Rights of the group and of everybody else."""
FOLDERS = ("data", "docker", "logs", "state")
NAMES = {*FOLDERS, "kafka_auth"}
"""Everything that this project keeps in a run folder."""


def prepare(run_dir: Path) -> None:
    """Make the run folder, and take from others the rights that they have in it.

    The version before left those rights. A folder that holds anything else as well, such as
    RUN_DIR=/tmp, is not the stack's own: it keeps its mode, and only what is the stack's is closed.
    """
    run_dir.mkdir(parents=True, exist_ok=True)
    found = {path.name for path in run_dir.iterdir()}
    own = [run_dir] if found <= NAMES else [run_dir / name for name in FOLDERS if name in found]
    for folder in own:
        status = folder.stat()
        if status.st_mode & OTHERS and status.st_uid == os.geteuid():
            # A file may vanish meanwhile, as services may be running.
            command = ["chmod", "-R", "go=", str(folder)]
            subprocess.run(command, stderr=subprocess.DEVNULL, check=False)


def private(path: str, flags: int) -> int:
    """Open a file that its owner alone may read and write; an ``opener`` for ``open``."""
    return os.open(path, flags, 0o600)
