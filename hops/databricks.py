"""Hop 8, the Jobs API: what its clients send."""

from __future__ import annotations

from hops.access import Keeper

SERVICE = "databricks"
TOKEN = "data/jobs_api_token/token"
"""File below the run folder with the token that the first start has made."""


def token(keeper: Keeper) -> str:
    """The token."""
    return keeper.read(SERVICE, TOKEN).strip()
