"""The deployment that the end-to-end tests run against, and the user id of their run.

The tests reach every target at its addresses only: with clients of Kafka, S3 and Kinesis, with the
emulator as a program of this machine, and with the Jobs API. They start and stop nothing of it.
"""

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
from pinpipe.deploy.account import without_placeholders
from pinpipe.doctor import variables
from pinpipe.engines import engine
from tests.support import ROOT
from tests.support.waiting import wait_for

T = TypeVar("T")

PATIENCE = {"local": 1, "aws": 5}
"""Factor on the limits of a test for each target: AWS has networks and starting clusters."""

INTERVAL = 0.5
"""Seconds between two polls."""

NEEDED = ("DATABRICKS_HOST", "DATABRICKS_TOKEN")
"""Variables that these tests need, but the doctor doesn't."""


class TargetError(PipelineError):
    """A variable of the target is missing or invalid."""


@dataclass(frozen=True)
class Target:
    """A deployment, and one run of the tests in it."""

    environment: Mapping[str, str] = field(repr=False)  # it has secrets
    """Addresses and credentials for a client of the deployment."""
    run: str
    """Suffix of this run's user id, after the deployment's, such as ``e2e0123abcd``."""
    patience: int
    """Factor on every limit."""
    folder: Path
    """Folder for the emulator's outbox."""

    @cached_property
    def deployed(self) -> Settings:
        """Settings of the deployment."""
        return Settings.from_environ(self.environment)

    @property
    def user_id(self) -> str:
        """User id of the run, in the names of its topics, streams, objects and tables.

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
            SettingError: the user id with the suffix is too long.
        """
        return Settings.from_environ({**self.environment, **self.own})

    @cached_property
    def access(self) -> Access:
        """Clients of the hops, with the run's own tables."""
        own = {"DELTA_ROOT": self.own["DELTA_ROOT"]}
        return Access({**self.environment, **own})

    def emulate(self, program: str, *arguments: str) -> None:
        """Run a program of the emulator with the run's user id."""
        outbox = {"EMULATOR_OUTBOX": str(self.folder / "outbox.db")}
        command = [sys.executable, "-m", f"emulator.{program}", "--rate", "max", *arguments]
        done = subprocess.run(
            command,
            cwd=ROOT,
            env={**os.environ, **self.environment, **self.own, **outbox},
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
        """Wait for a fact, ``limit`` seconds times the patience of the target."""
        return wait_for(what, probe, limit * self.patience, INTERVAL, state)


def target_variables(environ: Mapping[str, str]) -> dict[str, str]:
    """Variables of the AWS target: .env.aws, overridden by ``environ``, as the doctor reads them.

    Raises:
        TargetError: a variable is missing or invalid; the message has a line for each.
    """
    found = without_placeholders(engine.environ(ROOT, environ, "aws"))
    lines = list(_problems(found))
    if lines:
        raise TargetError("\n".join([*lines, "`pinpipe doctor --target aws` checks more"]))
    return found


def _problems(environment: Mapping[str, str]) -> Iterator[str]:
    problems = [finding for finding in variables.check(environment) if not finding.fine]
    yield from map(str, problems)
    areas = {finding.area for finding in problems}
    for name in NEEDED:
        if name not in areas and not environment.get(name):
            yield f"{name}: it is not set; the jobs run through it"
