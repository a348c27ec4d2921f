"""API Gateway's mapping templates as AWS renders them, and quickly."""

from __future__ import annotations


def install() -> None:
    """Nothing yet."""
