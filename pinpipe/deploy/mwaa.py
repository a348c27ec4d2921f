"""Hop 9 on AWS: the files of MWAA's bucket, made from the folder of the local Airflow."""

import re
from pathlib import Path

from contract.settings import Settings
from pinpipe.deploy import wheel
from pinpipe.deploy.archive import zipped
from pinpipe.deploy.errors import PackageError

DEFAULT_ID = Settings().user_id
"""User id in airflow/startup.sh, which that of the account replaces."""

PROFILE = "<output SparkInstanceProfileArn>"
"""Placeholder of the clusters' instance profile in startup.sh; the deployment fills it in."""

WHEELS = "/Workspace/Shared/.bundle/pinterest-data-pipeline/artifacts/.internal"
"""Folder of the workspace for the wheel of the bundle's target prod."""


def bucket_files(root: Path, user_id: str) -> dict[str, bytes]:
    """Return the contents of MWAA's bucket by key.

    Raises:
        PackageError: a place to fill in is not exactly once in airflow/startup.sh.
    """
    folder = root / "airflow"
    dags = {
        f"dags/{path.relative_to(folder / 'dags').as_posix()}": path.read_bytes()
        for path in _files(folder / "dags")
    }
    return dags | {
        "requirements.txt": (folder / "requirements.txt").read_bytes(),
        "plugins.zip": _plugins(folder / "plugins"),
        "startup.sh": _startup(
            folder / "startup.sh",
            user_id,
            AIRFLOW_VAR_INSTANCE_PROFILE_ARN=PROFILE,
            AIRFLOW_VAR_WHEEL=f"{WHEELS}/{wheel.file_name(root)}",
        ),
    }


def _plugins(folder: Path) -> bytes:
    return zipped(
        {path.relative_to(folder).as_posix(): path.read_bytes() for path in _files(folder)}
    )


def _startup(path: Path, user_id: str, **defaults: str) -> bytes:
    """The script with AWS's defaults in the place of empty ones; other defaults stay."""
    text = path.read_text()
    if text.count(DEFAULT_ID) != 1:
        raise PackageError(f"{path} must have the user id {DEFAULT_ID} once, to put {user_id} in")
    text = text.replace(DEFAULT_ID, user_id)
    for name, value in defaults.items():
        found = re.findall(rf"\$\{{{name}:-(.*?)\}}", text)
        if len(found) != 1:
            raise PackageError(f"{path} must have ${{{name}:-}} once, to put {value} in")
        text = text.replace(f"${{{name}:-}}", f"${{{name}:-{value}}}")
    return text.encode()


def _files(folder: Path) -> list[Path]:
    """Files below ``folder``, without ``__pycache__``."""
    return sorted(
        path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts
    )
