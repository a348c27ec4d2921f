"""Exits 0 when the broker answers a metadata request, else 1 with the reason."""

import sys

from contract.program import exit_status
from contract.settings import Settings
from services.kafka.client import Admin

TIMEOUT = 3.0
"""Seconds; below the bound of a health check."""


def main() -> int:
    """Return the exit status."""
    return exit_status(lambda: Admin(Settings.from_environ()).metadata(TIMEOUT))


if __name__ == "__main__":
    sys.exit(main())
