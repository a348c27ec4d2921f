"""What tests ask of the DAG in a running Airflow, and `pinpipe` doesn't."""

from datetime import datetime
from typing import Any
from urllib.parse import quote

from hops import airflow
from hops.airflow import ENDED, HOP, json_of
from hops.errors import wait_at

FREE_LIMIT = 60.0
"""Seconds until Airflow's database lets a backfill be made."""


class Airflow(airflow.Airflow):
    """The pipeline's DAG in a running Airflow, looked into by a test."""

    def pause(self) -> None:
        """Start no more tasks of the DAG, and no runs."""
        self._pause(True)

    def again(self, run_id: str, *tasks: str) -> None:
        """Have tasks of a run that has ended, and what comes after them, done once more."""
        body = {"dag_run_id": run_id, "task_ids": list(tasks), "include_downstream": True}
        self._must(
            "POST",
            f"dags/{self.dag_id}/clearTaskInstances",
            body | {"dry_run": False, "only_failed": False, "reset_dag_runs": True},
        )

    def backfill(self, first: datetime, last: datetime, again: bool = False) -> int:
        """Run the days from ``first`` to ``last``; with ``again`` those that were run, too.

        On SQLite, Airflow fails with 503 when another of its processes writes at the same moment,
        and may leave a part of the backfill. That is cancelled, and the request repeated.
        """
        body = {
            "dag_id": self.dag_id,
            "from_date": first.isoformat(),
            "to_date": last.isoformat(),
            "reprocess_behavior": "completed" if again else "none",
            "max_active_runs": 1,
        }

        def made() -> dict[str, Any] | None:
            answer = self._send("POST", "backfills", body)
            if answer.status_code == 409:
                active = f"backfills?dag_id={self.dag_id}&active=true"
                for left in self._must("GET", active)["backfills"]:
                    self._must("PUT", f"backfills/{left['id']}/cancel")
            return None if answer.status_code in (409, 503) else json_of(answer)

        return int(wait_at(HOP, "the backfill to be made", made, FREE_LIMIT)["id"])

    def backfilled(self, backfill: int) -> list[dict[str, Any]] | None:
        """Runs of the days of a backfill when all have ended, else None."""
        state = self._must("GET", f"backfills/{backfill}")
        if state["completed_at"] is None:
            return None
        first, last = quote(state["from_date"]), quote(state["to_date"])
        days = f"logical_date_gte={first}&logical_date_lte={last}"
        found = self._must("GET", f"dags/{self.dag_id}/dagRuns?run_type=backfill&{days}")
        runs: list[dict[str, Any]] = found["dag_runs"]
        return runs if runs and all(run["state"] in ENDED for run in runs) else None

    def xcom(self, run_id: str, task_id: str, key: str) -> Any:
        """What a task has left under ``key``, or None."""
        path = f"{self._run(run_id)}/taskInstances/{task_id}/xcomEntries/{key}"
        found = self._call("GET", path)
        return found["value"] if found else None

    def published(self, run_id: str) -> list[dict[str, Any]]:
        """Events of the assets that a run has published, each with its ``extra``."""
        found = self._must(
            "GET", f"assets/events?source_dag_id={self.dag_id}&source_run_id={quote(run_id)}"
        )
        events: list[dict[str, Any]] = found["asset_events"]
        return events
