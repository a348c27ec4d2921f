"""The deployment that the end-to-end tests look at, and the user id with which they pass through.

Whatever the target, it is met at its addresses alone: by Kafka's, S3's and Kinesis' clients, by the
emulator as a program of this machine, and by the Jobs API. Nothing of it is started or stopped.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from contract.errors import PipelineError
from contract.settings import Settings
from hops.access import Access
from pinpipe.deploy.account import known
from pinpipe.doctor import variables
from pinpipe.engines import engine
from tests.support import ROOT
from tests.support.waiting import wait_for

T = TypeVar("T")

PATIENCE = {"local": 1, "aws": 5}
"""How many times a test's limits each target gets: networks, and clusters that start first."""

INTERVAL = 0.5
"""Seconds between two looks."""

NEEDED = ("DATABRICKS_HOST", "DATABRICKS_TOKEN")
"""Variables that the doctor can do without, but not these tests."""


class TargetError(PipelineError):
    """The target isn't described well enough to be used."""


@dataclass(frozen=True)
class Target:
    """A deployment, and a run through it."""

    environment: Mapping[str, str] = field(repr=False)  # there are secrets in it
    """What a client of the deployment needs: addresses and credentials."""
    run: str
    """What tells this run's user id from the deployment's, such as ``e2e0123abcd``."""
    patience: int
    """Factor on every limit."""
    folder: Path
    """Takes the emulator's journal."""

    @cached_property
    def deployed(self) -> Settings:
        """Settings of the deployment."""
        return Settings.from_environ(self.environment)

    @property
    def user_id(self) -> str:
        """User id of the run, which topics, streams, objects and tables carry.

        It starts with the deployment's, so that the deployed connector's ``topics.regex`` takes the
        run's topics, too.
        """
        return self.deployed.user_id + self.run

    @property
    def own(self) -> dict[str, str]:
        """Variables in which the run differs from the deployment."""
        root = self.deployed.batch_root.rpartition("/")[0]
        return {"USER_ID": self.user_id, "DELTA_ROOT": f"{root}/{self.user_id}"}

    @cached_property
    def settings(self) -> Settings:
        """Settings of the run; its bucket is ``access.settings.bucket``, the deployment's.

        Raises:
            SettingError: with what the run adds, the user id is too long.
        """
        return Settings.from_environ({**self.environment, **self.own})

    @cached_property
    def access(self) -> Access:
        """Clients of the hops; tables are the run's own, everything else is asked for by name."""
        own = {"DELTA_ROOT": self.own["DELTA_ROOT"]}
        return Access({**self.environment, **own})

    def emulate(self, program: str, *arguments: str) -> None:
        """Run a program of the emulator, as a person would, with the run's user id."""
        journal = {"EMULATOR_JOURNAL": str(self.folder / "journal.jsonl")}
        command = [sys.executable, "-m", f"emulator.{program}", "--rate", "max", *arguments]
        done = subprocess.run(
            command,
            cwd=ROOT,
            env={**os.environ, **self.environment, **self.own, **journal},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60 * self.patience,
        )
        assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}\n{done.stderr}"

    def wait(
        self,
        what: str,
        probe: Callable[[], T | None],
        limit: float,
        state: Callable[[], str] = lambda: "",
    ) -> T:
        """Wait for a fact, ``limit`` seconds times the patience with this target."""
        return wait_for(what, probe, limit * self.patience, INTERVAL, state)


def described(environ: Mapping[str, str]) -> dict[str, str]:
    """Variables of the AWS target: .env.aws, ``environ`` on top, as the doctor reads them.

    Raises:
        TargetError: one is missing or wrong; the message has a line for each.
    """
    found = known(engine.environ(ROOT, environ, "aws"))
    lines = list(_problems(found))
    if lines:
        raise TargetError("\n".join([*lines, "`pinpipe doctor --target aws` looks further"]))
    return found


def _problems(environment: Mapping[str, str]) -> Iterator[str]:
    told = [finding for finding in variables.check(environment) if not finding.fine]
    yield from map(str, told)
    areas = {finding.area for finding in told}
    for name in NEEDED:
        if name not in areas and not environment.get(name):
            yield f"{name}: it is not set; the jobs run through it"
