"""The programs of tests/foreign, with only their addresses and credentials changed."""

import shutil
from collections.abc import Mapping
from pathlib import Path

from tests.support import ROOT

FOREIGN = ROOT / "tests/foreign"
HOME = "Users/learner@example.com"
"""Folder of the workspace that the foreign DAGs and bodies name."""
DATABASE_HOST = "pinterest-data.c0ffee123456.us-east-1.rds.amazonaws.com"
INVOKE_URL = "https://b1c2d3e4f5.execute-api.us-east-1.amazonaws.com/dev"


def database(host: str, port: int, user: str, password: str) -> dict[str, str]:
    """The changes to a program that uses the source database."""
    return {
        DATABASE_HOST: host,
        "project_user": user,
        "project_password": password,
        "3306": str(port),
    }


def put(name: str, folder: Path, changed: Mapping[str, str] | None = None) -> Path:
    """Copy a program into a folder with texts replaced; each of them must occur."""
    source = FOREIGN / name
    text = source.read_text()
    for old, new in (changed or {}).items():
        assert old in text, f"{name} has no {old}"
        text = text.replace(old, new)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / source.name).write_text(text)
    return folder / source.name


def put_notebooks(workspace: Path, changed: Mapping[str, Mapping[str, str]] | None = None) -> None:
    """Copy all notebooks into the home of a workspace, some with texts replaced."""
    shutil.copytree(FOREIGN / "notebooks", workspace / HOME)
    for name, texts in (changed or {}).items():
        put(f"notebooks/{name}", workspace / HOME, texts)
