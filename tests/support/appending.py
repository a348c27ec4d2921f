"""The query of ``append`` as a process that can be killed, and its appended rows."""

import json
from pathlib import Path

from tests.support import ROOT
from tests.support.engine import Stream
from tests.support.program import Program, spark_environment

Appended = dict[int, list[tuple[str, ...]]]
"""Rows of each batch, by its id."""


class Appending(Program):
    """A folder, and the query that appends to it, which may be launched repeatedly."""

    def __init__(self, folder: Path, endpoint: str, streams: list[Stream]) -> None:
        folder.mkdir()
        self.folder, self.streams = folder, streams
        names = ",".join(stream.name for stream in streams)
        script = [ROOT / "spark/run.sh", "tests.support.append", folder]
        super().__init__(
            [*script, "--endpoint", endpoint, "--streams", names],
            spark_environment(folder),
            folder / "log",
        )

    def files(self) -> list[Path]:
        """Return the files of batches."""
        return list((self.folder / "batches").glob("*.json"))

    def wait_for_batches(self, count: int) -> None:
        """Wait until there are ``count`` files of batches."""
        self.wait(f"there are {count} batches", lambda: len(self.files()) >= count, 120)

    def appended(self) -> tuple[Appended, int]:
        """Return the rows of each batch, and the number of repeated batches.

        A repeated batch must have the same rows.
        """
        found: Appended = {}
        again = 0
        for file in sorted(self.files()):
            batch = int(file.name.partition("-")[0])
            rows = sorted(tuple(row) for row in json.loads(file.read_text()))
            if batch in found:
                again += 1
                assert found[batch] == rows, f"batch {batch} was repeated with other rows"
            found[batch] = rows
        return found, again

    def check(self) -> int:
        """Compare the appended with the sent records; return the number of repeated batches."""
        batches, again = self.appended()
        rows = [row for batch in batches.values() for row in batch]
        found = sorted((row[0], row[-1]) for row in rows)
        sent = sorted((stream.name, text) for stream in self.streams for text in stream.sent)
        lost, twice = len(set(sent) - set(found)), len(found) - len(set(found))
        assert (lost, twice) == (0, 0), f"{lost} lost, {twice} twice"
        assert found == sent
        assert len({row[:3] for row in rows}) == len(rows)
        return again
