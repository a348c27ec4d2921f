"""What a process of the stack inherits from the shell of the caller.

The machine is the caller's (PATH, HOME, the language, Java, proxies, certificates), the accounts
are not: a variable that an SDK of AWS, a client of Databricks or Airflow reads by itself is for a
real account, and reaches no service. What a service needs is in docker-compose.yml, which is all
that a container gets.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

ACCOUNTS = ("AIRFLOW_", "AWS_", "DATABRICKS_")
"""How the variables begin that choose an account, or log in at one."""
CREDENTIALS = ("LOCAL_DATABRICKS_TOKEN", "KAFKA_SCRAM_PASSWORD", "SOURCE_DATABASE_URL")
"""Settings with a secret in them: docker-compose.yml hands each to the services that use it."""
NO_FILES = {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
"""Instead of those in ``~/.aws``, which a container lacks."""


def inherited(environ: Mapping[str, str]) -> dict[str, str]:
    """The variables of ``environ`` that a service gets as well."""
    kept = {
        name: value
        for name, value in environ.items()
        if not name.startswith(ACCOUNTS) and name not in CREDENTIALS
    }
    return kept | NO_FILES
