"""Exits 0 when the broker answers a metadata request, else 1 with the reason."""

from __future__ import annotations

import sys

from contract.errors import PipelineError
from contract.settings import Settings
from services.kafka.client import Admin

TIMEOUT = 3.0
"""Seconds; below the bound of a health check."""


def main() -> int:
    """Return the exit status."""
    try:
        Admin(Settings.from_environ()).metadata(TIMEOUT)
    except PipelineError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
