"""The variables of the processes that the service starts in the environment of the jobs."""

import os
from collections.abc import Mapping
from pathlib import Path

from contract.settings import Settings


def environment(settings: Settings, variables: Mapping[str, str]) -> dict[str, str]:
    """The service's environment without the token, with the jobs' programs first on PATH."""
    found = {**os.environ, **variables}
    for name in ("DATABRICKS_TOKEN", "DATABRICKS_TOKEN_FILE"):
        found.pop(name, None)
    if settings.databricks_path:
        path = Path(settings.databricks_path).resolve()
        found["PATH"] = f"{path}{os.pathsep}{found.get('PATH', os.defpath)}"
    return found
