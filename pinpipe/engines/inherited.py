"""The variables that a process of the stack inherits from the shell of the caller.

A process inherits variables about the machine (PATH, HOME, the language, Java, proxies,
certificates), but none about accounts: a variable that an AWS SDK, a Databricks client or Airflow
reads by itself belongs to a real account. Containers inherit nothing; docker-compose.yml has all
that a service needs.
"""

import os
from collections.abc import Mapping

from contract.settings import PARSERS

ACCOUNTS = ("AIRFLOW_", "AWS_", "DATABRICKS_")
"""Prefixes of variables that choose an account or log in at one."""
OF_A_WORKSPACE = ("DATABRICKS_HOST", "DATABRICKS_TOKEN", "DATABRICKS_TOKEN_FILE")
"""Variables that the clients of a real workspace read as well."""
OURS = {name for name in PARSERS if name.startswith("DATABRICKS_")} - {*OF_A_WORKSPACE}
"""Settings of the local service that only the service reads."""
CREDENTIALS = (
    *("LOCAL_DATABRICKS_TOKEN", "KAFKA_SCRAM_PASSWORD", "SOURCE_DATABASE_URL"),
    *("GATEWAY_API_KEY", "GATEWAY_API_KEY_FILE", "REST_PROXY_SECRET_FILE"),
)
"""Settings with a secret: docker-compose.yml gives each to the services that use it."""
NO_FILES = {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
"""Files in the place of those in ``~/.aws``, which a container lacks."""


def inherited(environ: Mapping[str, str]) -> dict[str, str]:
    """The variables of ``environ`` that a service inherits."""
    kept = {
        name: value
        for name, value in environ.items()
        if name in OURS or (not name.startswith(ACCOUNTS) and name not in CREDENTIALS)
    }
    return kept | NO_FILES
