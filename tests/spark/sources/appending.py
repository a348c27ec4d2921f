"""The appending query as a process that can be killed, and what it has appended."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from tests.spark.sources.engine import ROOT, Stream
from tests.support.waiting import wait_for

Appended = dict[int, list[tuple[str, ...]]]
"""Rows of each batch, by its id."""


@dataclass
class Appending:
    """A folder, and the queries that append to it one after the other."""

    folder: Path
    endpoint: str
    streams: list[Stream]
    python: Path = Path(sys.executable).parent
    """Folder of the Python that runs it, with Spark."""
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start the query, with a process group of its own."""
        self.folder.mkdir(exist_ok=True)
        names = ",".join(stream.name for stream in self.streams)
        command = ["spark/run.sh", "tests.spark.sources.append", str(self.folder)]
        command += ["--endpoint", self.endpoint, "--streams", names, *arguments]
        environment = {
            **os.environ,
            "PATH": f"{self.python}:{os.environ['PATH']}",
            "RUN_DIR": str(self.folder / "run"),
        }
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                command,
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.processes.append(process)
        return process

    @property
    def log(self) -> Path:
        return self.folder / "log"

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        """SIGKILL to Python, the JVM and its Python workers."""
        assert process.poll() is None, self.log.read_text()
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(30)

    def close(self) -> None:
        """End what a failed test has left."""
        for process in self.processes:
            if process.poll() is None:
                self.kill(process)

    def files(self) -> list[Path]:
        """Files of batches."""
        return list((self.folder / "batches").glob("*.json"))

    def wait_for_batches(self, count: int, process: subprocess.Popen[bytes]) -> None:
        """Wait until there are as many files of batches."""

        def there() -> bool:
            if len(self.files()) >= count:
                return True
            assert process.poll() is None, self.log.read_text()
            return False

        wait_for(f"{count} batches", there, 120)

    def appended(self) -> tuple[Appended, int]:
        """Return the rows of each batch, and how many batches were done more than once.

        Each time a batch was done it must have had the same rows.
        """
        found: Appended = {}
        again = 0
        for file in sorted(self.files()):
            batch = int(file.name.partition("-")[0])
            rows = sorted(tuple(row) for row in json.loads(file.read_text()))
            if batch in found:
                again += 1
                assert found[batch] == rows, f"batch {batch} was another one"
            found[batch] = rows
        return found, again

    def check(self) -> int:
        """Hold what was appended against what was sent; return how many batches were done again."""
        batches, again = self.appended()
        rows = [row for batch in batches.values() for row in batch]
        found = sorted((row[0], row[-1]) for row in rows)
        sent = sorted((stream.name, text) for stream in self.streams for text in stream.sent)
        lost, twice = len(set(sent) - set(found)), len(found) - len(set(found))
        assert (lost, twice) == (0, 0), f"{lost} lost, {twice} twice"
        assert found == sent
        assert len({row[:3] for row in rows}) == len(rows)
        return again
