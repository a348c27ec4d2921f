"""How the services are started: what `pinpipe` requests from the supervisor, by files.

`pinpipe` writes a request into ``<run dir>/state/start``. The supervisor starts the service and
moves the file to ``<run dir>/state/kept``: from then on it starts the service again after a crash,
in the same way, until the file is removed. The files outlive a supervisor that is killed.
"""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from pinpipe.engines import run_folder


@dataclass(frozen=True, slots=True)
class Launch:
    """Command, folder and environment with which a service is started."""

    command: tuple[str, ...]
    folder: str
    environment: Mapping[str, str]


class Launches:
    """The launches in one run folder."""

    def __init__(self, run_dir: Path) -> None:
        self._start = run_dir / "state/start"
        self._kept = run_dir / "state/kept"
        self._settings = run_dir / "state/settings"

    def store_settings(self, environ: Mapping[str, str]) -> None:
        """Store the settings of a start for ``upkeep``."""
        run_folder.store(self._settings, msgspec.json.encode(environ))

    def settings(self) -> dict[str, str]:
        """The settings of the last start."""
        return msgspec.json.decode(self._settings.read_bytes(), type=dict[str, str])

    def request(self, service: str, launch: Launch) -> None:
        """Request a start of a service."""
        self._start.mkdir(mode=0o700, exist_ok=True)
        run_folder.store(self._start / f"{service}.json", msgspec.json.encode(launch))

    def requested(self) -> dict[str, Launch]:
        """The services whose start is requested and not done."""
        found = {path.stem: _read(path) for path in sorted(self._start.glob("*.json"))}
        return {service: launch for service, launch in found.items() if launch}

    def keep(self, service: str) -> None:
        """Move the request of a service that was started to those that are kept."""
        self._kept.mkdir(mode=0o700, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):  # withdrawn meanwhile
            (self._start / f"{service}.json").replace(self._kept / f"{service}.json")

    def kept(self) -> list[str]:
        """Services that are started again after a crash."""
        return sorted(path.stem for path in self._kept.glob("*.json"))

    def launch(self, service: str) -> Launch | None:
        """The launch of a service that is kept; None for another one."""
        return _read(self._kept / f"{service}.json")

    def withdraw(self, service: str) -> None:
        """Neither start a service nor start it again after a crash."""
        for folder in (self._start, self._kept):
            (folder / f"{service}.json").unlink(missing_ok=True)

    def clear(self) -> None:
        """Withdraw all services and remove the settings."""
        for path in (*self._start.glob("*"), *self._kept.glob("*"), self._settings):
            path.unlink(missing_ok=True)


def _read(path: Path) -> Launch | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Launch)
    except (OSError, msgspec.DecodeError):
        return None
