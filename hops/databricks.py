"""Hop 8, the Jobs API of Databricks: the token that its clients send."""

from hops.access import ServiceFiles

SERVICE = "databricks"
TOKEN = "data/jobs_api_token/token"
"""File below the run folder with the token that the first start has generated."""


def token(files: ServiceFiles) -> str:
    """The token of a running stack."""
    return files.read(SERVICE, TOKEN).strip()
