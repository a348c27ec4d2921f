"""Exits 0 when the Jobs API reports that runs can start, else 1 with the reason."""

import sys

from contract.health import check

if __name__ == "__main__":
    sys.exit(check("Jobs API", lambda settings: settings.databricks_listen))
