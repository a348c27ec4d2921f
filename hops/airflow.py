"""Hop 9, Airflow (MWAA on AWS): the runs of the DAG, through Airflow's REST API v2."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self
from urllib.parse import quote

import requests

from contract import names
from hops.access import Access, ServiceFiles
from hops.errors import HopError, hop_errors, wait_at

HOP = "airflow"
SERVICE = "airflow-api-server"
USER = "admin"
PASSWORDS = "data/airflow/simple_auth_manager_passwords.json.generated"
"""File below the run folder with the passwords that Airflow has generated."""
TIMEOUT = 30.0
"""Seconds until a response."""
PARSED_LIMIT = 90.0
"""Seconds until Airflow has read the DAG's file for the first time."""
ENDED = ("success", "failed")


def password(files: ServiceFiles) -> str:
    """The password of the user ``admin``.

    Raises:
        HopError: the file with the password is damaged.
    """
    what = f"{PASSWORDS} is damaged, and a restart of {SERVICE} replaces it"
    with hop_errors(HOP, what, ValueError, LookupError, TypeError):
        return str(json.loads(files.read(SERVICE, PASSWORDS))[USER])


@dataclass(frozen=True)
class Airflow:
    """The pipeline's DAG in a running Airflow."""

    access: Access
    password: str

    @classmethod
    def of(cls, files: ServiceFiles, access: Access) -> Self:
        """The Airflow of a running stack."""
        return cls(access, password(files))

    @property
    def url(self) -> str:
        """Address of the UI and of the API."""
        return self.access.settings.airflow_url

    @property
    def dag_id(self) -> str:
        """Id of the DAG."""
        return names.dag(self.access.settings.user_id)

    def unpause(self) -> None:
        """Unpause the DAG, after Airflow has parsed its file.

        Raises:
            HopError: the file can't be parsed, or Airflow doesn't respond.
        """
        self._pause(False)

    def _pause(self, paused: bool) -> None:
        def changed() -> bool:
            return self._call("PATCH", f"dags/{self.dag_id}", {"is_paused": paused}) is not None

        what = f"DAG {self.dag_id} to be parsed"
        wait_at(HOP, what, changed, PARSED_LIMIT, state=self._import_errors)

    def trigger(self) -> str:
        """Start a run now; return its id."""
        run = self._must("POST", f"dags/{self.dag_id}/dagRuns", {"logical_date": None})
        return str(run["dag_run_id"])

    def ended(
        self, run_id: str, limit: float, report: Callable[[str], None] = lambda _: None
    ) -> dict[str, Any]:
        """Wait until a run has ended; return it. ``report`` takes a line on each new task state.

        Raises:
            HopError: it took longer than ``limit`` seconds.
        """
        reported: dict[str, str] = {}

        def probe() -> dict[str, Any] | None:
            for task, state in self.tasks(run_id).items():
                if state not in (None, reported.get(task)):
                    reported[task] = state
                    report(f"airflow: {task} {state}")
            run = self._must("GET", self._run(run_id))
            return run if run["state"] in ENDED else None

        return wait_at(HOP, f"run {run_id} to end", probe, limit, state=lambda: str(reported))

    def tasks(self, run_id: str) -> dict[str, str]:
        """State of each task of a run, in the order of the DAG's list."""
        return {task["task_id"]: task["state"] for task in self._instances(run_id)}

    def failures(self, run_id: str) -> str:
        """The last error in the log of each failed task, a line for each."""
        lines = []
        for task in self._instances(run_id):
            if task["state"] == "failed":
                log = self.log(run_id, task["task_id"], task["try_number"])
                errors = [line for line in log if "error" in line.lower()]
                lines.append(f"{task['task_id']}: {(errors or log or ['no log'])[-1]}")
        return "\n".join(lines)

    def log(self, run_id: str, task_id: str, attempt: int) -> list[str]:
        """Lines of a task's log, each with the details of its errors."""
        path = f"{self._run(run_id)}/taskInstances/{task_id}/logs/{attempt}"
        found = self._must("GET", path)
        return [_line(entry) for entry in found["content"]]

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
        session.trust_env = False  # Airflow runs on this machine: no proxy
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
            raise HopError(HOP, f"{self.url} has no {path}")
        return found

    def _call(
        self, method: str, path: str, body: Mapping[str, Any] | None = None
    ) -> dict[str, Any] | None:
        """Call the API; None for a status of 404."""
        answer = self._send(method, path, body)
        return None if answer.status_code == 404 else json_of(answer)

    def _send(
        self, method: str, path: str, body: Mapping[str, Any] | None = None
    ) -> requests.Response:
        url = f"{self.url}/api/v2/{path}"
        with hop_errors(HOP, f"{url} doesn't respond", requests.RequestException):
            return self._session.request(method, url, json=body, timeout=TIMEOUT)


def json_of(answer: requests.Response) -> dict[str, Any]:
    """The body of a response; HopError when its status is one of an error."""
    if not answer.ok:
        call = f"{answer.request.method} {answer.url}"
        raise HopError(HOP, f"{call}: {answer.status_code} {answer.text[:500]}")
    found: dict[str, Any] = answer.json()
    return found


def _line(entry: Mapping[str, Any] | str) -> str:
    if isinstance(entry, str):
        return entry
    details = entry.get("error_detail") or []
    errors = [f"{detail['exc_type']}: {detail['exc_value']}" for detail in details]
    return " ".join([str(entry.get("event", "")), *errors])
