"""The programs of tests/foreign, with their addresses and credentials changed and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tests.support import ROOT

FOREIGN = ROOT / "tests/foreign"
HOME = "Users/learner@example.com"
"""Folder of the workspace that the DAG there names."""
KEYS_FILE = "FileStore/tables/authentication_credentials.csv"
"""Where in DBFS the notebooks there look for their keys."""


def keys(access: str = "test", secret: str = "test") -> str:
    """What IAM lets a user download, and Databricks upload, as a CSV file."""
    return f"User name,Access key ID,Secret access key\nlearner,{access},{secret}\n"


def put(name: str, folder: Path, changed: Mapping[str, str] | None = None) -> Path:
    """Copy a program into a folder; each text that is to be changed must be in it."""
    text = (FOREIGN / name).read_text()
    for old, new in (changed or {}).items():
        assert old in text, f"{name} has no {old}"
        text = text.replace(old, new)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text)
    return folder / name
