"""Hop 9, Airflow: the DAG's runs, through the REST API v2 as a person's script would use it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self
from urllib.parse import quote

import requests

from contract import names
from hops.access import Access, Keeper
from hops.errors import HopError, hop_errors, wait_at

HOP = "airflow"
SERVICE = "airflow-api-server"
USER = "admin"
PASSWORDS = "data/airflow/simple_auth_manager_passwords.json.generated"
"""File below the run folder in which Airflow keeps the passwords that it has made."""
TIMEOUT = 30.0
"""Seconds for an answer."""
PARSED_LIMIT = 90.0
"""Seconds until Airflow has read the DAG's file for the first time."""
ENDED = ("success", "failed")


def password(keeper: Keeper) -> str:
    """The user's password."""
    return str(json.loads(keeper.read(SERVICE, PASSWORDS))[USER])


@dataclass(frozen=True)
class Airflow:
    """The pipeline's DAG in a running Airflow."""

    access: Access
    password: str

    @classmethod
    def of(cls, keeper: Keeper, access: Access) -> Self:
        """That of a stack of ours."""
        return cls(access, password(keeper))

    @property
    def url(self) -> str:
        """The UI."""
        return self.access.settings.airflow_url

    @property
    def dag_id(self) -> str:
        """Id of the DAG."""
        return names.dag(self.access.settings.user_id)

    def unpause(self) -> None:
        """Let the DAG run; wait until Airflow knows it.

        Raises:
            HopError: its file can't be read, or Airflow doesn't answer.
        """
        self._pause(False)

    def _pause(self, paused: bool) -> None:
        def known() -> bool:
            return self._call("PATCH", f"dags/{self.dag_id}", {"is_paused": paused}) is not None

        what = f"DAG {self.dag_id} to be there"
        wait_at(HOP, what, known, PARSED_LIMIT, state=self._import_errors)

    def trigger(self) -> str:
        """Start a run now; return its id."""
        run = self._must("POST", f"dags/{self.dag_id}/dagRuns", {"logical_date": None})
        return str(run["dag_run_id"])

    def ended(
        self, run_id: str, limit: float, talk: Callable[[str], None] = lambda _: None
    ) -> dict[str, Any]:
        """Wait until a run has ended; return it. ``talk`` is told how its tasks stand.

        Raises:
            HopError: it took longer than ``limit`` seconds.
        """
        told: dict[str, str] = {}

        def probe() -> dict[str, Any] | None:
            for task, state in self.tasks(run_id).items():
                if state not in (None, told.get(task)):
                    told[task] = state
                    talk(f"airflow: {task} {state}")
            run = self._must("GET", self._run(run_id))
            return run if run["state"] in ENDED else None

        return wait_at(HOP, f"run {run_id} to end", probe, limit, state=lambda: str(told))

    def tasks(self, run_id: str) -> dict[str, str]:
        """State of each task of a run, in the order of the DAG's list."""
        return {task["task_id"]: task["state"] for task in self._instances(run_id)}

    def failures(self, run_id: str) -> str:
        """What the log of each failed task says of its failure, a line each."""
        lines = []
        for task in self._instances(run_id):
            if task["state"] == "failed":
                said = self.log(run_id, task["task_id"], task["try_number"])
                errors = [line for line in said if "error" in line.lower()]
                lines.append(f"{task['task_id']}: {(errors or said or ['no log'])[-1]}")
        return "\n".join(lines)

    def log(self, run_id: str, task_id: str, attempt: int) -> list[str]:
        """Lines of a task's log, each with what an error brought along."""
        path = f"{self._run(run_id)}/taskInstances/{task_id}/logs/{attempt}"
        told = self._must("GET", path)
        return [_line(entry) for entry in told["content"]]

    def _run(self, run_id: str) -> str:
        return f"dags/{self.dag_id}/dagRuns/{quote(run_id)}"

    def _instances(self, run_id: str) -> list[dict[str, Any]]:
        found = self._must("GET", f"{self._run(run_id)}/taskInstances")
        instances: list[dict[str, Any]] = found["task_instances"]
        return instances

    def _import_errors(self) -> str:
        found = self._must("GET", "importErrors")["import_errors"]
        return "; ".join(f"{e['filename']}: {e['stack_trace'].splitlines()[-1]}" for e in found)

    @cached_property
    def _session(self) -> requests.Session:
        session = requests.Session()
        session.trust_env = False  # it's on this machine: through no proxy
        body = {"username": USER, "password": self.password}
        with hop_errors(HOP, f"no token from {self.url}", requests.RequestException):
            answer = session.post(f"{self.url}/auth/token", json=body, timeout=TIMEOUT)
            answer.raise_for_status()
        session.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        return session

    def _must(
        self, method: str, path: str, body: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        found = self._call(method, path, body)
        if found is None:
            raise HopError(HOP, f"{self.url} knows no {path}")
        return found

    def _call(
        self, method: str, path: str, body: Mapping[str, Any] | None = None
    ) -> dict[str, Any] | None:
        """Call the API; None for what isn't there."""
        answer = self._send(method, path, body)
        return None if answer.status_code == 404 else good(answer)

    def _send(
        self, method: str, path: str, body: Mapping[str, Any] | None = None
    ) -> requests.Response:
        url = f"{self.url}/api/v2/{path}"
        with hop_errors(HOP, f"{url} doesn't answer", requests.RequestException):
            return self._session.request(method, url, json=body, timeout=TIMEOUT)


def good(answer: requests.Response) -> dict[str, Any]:
    if not answer.ok:
        asked = f"{answer.request.method} {answer.url}"
        raise HopError(HOP, f"{asked}: {answer.status_code} {answer.text[:500]}")
    found: dict[str, Any] = answer.json()
    return found


def _line(entry: Mapping[str, Any] | str) -> str:
    if isinstance(entry, str):
        return entry
    details = entry.get("error_detail") or []
    errors = [f"{detail['exc_type']}: {detail['exc_value']}" for detail in details]
    return " ".join([str(entry.get("event", "")), *errors])
