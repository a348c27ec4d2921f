"""Choose what runs the services: a Docker engine, or processes of this machine.

``ENGINE=docker|native`` forces it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from dotenv import dotenv_values

from contract.errors import SettingError
from stack.native import NativeEngine


def project_root() -> Path:
    """The folder with docker-compose.yml."""
    return Path(__file__).resolve().parent.parent


def environ(root: Path, given: Mapping[str, str] | None = None) -> dict[str, str]:
    """The variables of ``.env``, those of the environment on top, as Docker Compose has it."""
    own = os.environ if given is None else given
    return {k: v for k, v in dotenv_values(root / ".env").items() if v is not None} | dict(own)


def choose(talk: Callable[[str], None], given: Mapping[str, str] | None = None) -> NativeEngine:
    """Return the engine that this machine's services run on.

    Raises:
        SettingError: ENGINE names one that isn't there.
    """
    root = project_root()
    variables = environ(root, given)
    wanted = variables.get("ENGINE") or "native"
    if wanted != "native":
        raise SettingError("ENGINE", wanted, "only native is there so far")
    return NativeEngine(root, variables, talk)
