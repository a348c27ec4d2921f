"""The programs of tests/foreign, with only their addresses and credentials changed."""

from collections.abc import Mapping
from pathlib import Path

from tests.support import ROOT

FOREIGN = ROOT / "tests/foreign"
HOME = "Users/learner@example.com"
"""Folder of the workspace that the foreign DAG names."""
KEYS_FILE = "FileStore/tables/authentication_credentials.csv"
"""File in DBFS from which the foreign notebooks read their keys."""


def keys(access: str = "test", secret: str = "test") -> str:
    """The CSV file of keys that IAM offers for download and Databricks for upload."""
    return f"User name,Access key ID,Secret access key\nlearner,{access},{secret}\n"


def put(name: str, folder: Path, changed: Mapping[str, str] | None = None) -> Path:
    """Copy a program into a folder with texts replaced; each of them must occur."""
    text = (FOREIGN / name).read_text()
    for old, new in (changed or {}).items():
        assert old in text, f"{name} has no {old}"
        text = text.replace(old, new)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text)
    return folder / name
