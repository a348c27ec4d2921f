"""Whether Kafka's clients log in: set by KAFKA_AUTH, or by `pinpipe up --secure`.

A file in the run folder stores the second until `pinpipe down`, so that later commands and the
programs that they start log in as the stack requires.
"""

from collections.abc import Mapping
from pathlib import Path

from pinpipe.engines import run_folder

VARIABLE = "KAFKA_AUTH"
NONE = "none"
BY_DEFAULT = "iam"
"""Login of `pinpipe up --secure`: the default of MSK's clients."""


def _file(root: Path, variables: Mapping[str, str]) -> Path:
    return root / (variables.get("RUN_DIR") or ".run") / "kafka_auth"


def added(root: Path, variables: Mapping[str, str]) -> dict[str, str]:
    """The variables, with the stored login unless KAFKA_AUTH names one."""
    file = _file(root, variables)
    if secure(variables) or not file.is_file():
        return dict(variables)
    return {**variables, VARIABLE: BY_DEFAULT}


def secure(variables: Mapping[str, str]) -> bool:
    """Whether clients log in."""
    return (variables.get(VARIABLE) or NONE) != NONE


def remember(root: Path, variables: Mapping[str, str]) -> None:
    """Store that clients log in, for every later command."""
    file = _file(root, variables)
    run_folder.prepare(file.parent)
    file.touch()


def forget(root: Path, variables: Mapping[str, str]) -> None:
    """Remove the stored login."""
    _file(root, variables).unlink(missing_ok=True)
