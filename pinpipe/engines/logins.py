"""Whether the clients of this stack's Kafka log in: what KAFKA_AUTH says, or `pinpipe up --secure`.

The second is remembered in the run folder until `pinpipe down`, so that every later command, and
what it starts again, does as the stack does.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pinpipe.engines import run_folder

VARIABLE = "KAFKA_AUTH"
NONE = "none"
BY_DEFAULT = "iam"
"""What `pinpipe up --secure` is, as MSK's clients do by default."""


def _file(root: Path, variables: Mapping[str, str]) -> Path:
    return root / (variables.get("RUN_DIR") or ".run") / "kafka_auth"


def added(root: Path, variables: Mapping[str, str]) -> dict[str, str]:
    """The variables, with what was remembered where KAFKA_AUTH doesn't say how to log in."""
    file = _file(root, variables)
    if secure(variables) or not file.is_file():
        return dict(variables)
    return {**variables, VARIABLE: file.read_text(encoding="utf-8").strip()}


def secure(variables: Mapping[str, str]) -> bool:
    """Whether clients log in."""
    return (variables.get(VARIABLE) or NONE) != NONE


def remember(root: Path, variables: Mapping[str, str]) -> None:
    """Have every command from now on log in."""
    file = _file(root, variables)
    run_folder.prepare(file.parent)
    file.write_text(f"{BY_DEFAULT}\n", encoding="utf-8")


def forget(root: Path, variables: Mapping[str, str]) -> None:
    """Have KAFKA_AUTH alone say how to log in."""
    _file(root, variables).unlink(missing_ok=True)
