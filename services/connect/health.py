"""Exits 0 when the worker answers and has loaded the S3 sink, else 1 with the reason."""

import sys

from contract.program import exit_status
from contract.settings import Settings
from services.connect.rest import PLUGIN, ConnectError, Worker

TIMEOUT = 5.0
"""Seconds; below the bound of a health check."""


def check(worker: Worker) -> None:
    """Check that the worker has loaded the S3 sink.

    Raises:
        ConnectError: the worker does not answer, or lacks the S3 sink.
    """
    if PLUGIN not in worker.plugins():
        raise ConnectError(f"Kafka Connect at {worker.url} has not loaded {PLUGIN}")


def main() -> int:
    """Return the exit status."""
    return exit_status(lambda: check(Worker.of(Settings.from_environ(), TIMEOUT)))


if __name__ == "__main__":
    sys.exit(main())
