"""The pages behind ``run_page_url``: the runs, and each with its tasks, notebook and log.

The pages change nothing. They require no token, as links from Airflow open in a browser; the
service listens only on this machine.
"""

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import jinja2
from sqlalchemy import select
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from services.databricks.api import views
from services.databricks.api.errors import ApiError
from services.databricks.api.jobs import fields_without_effect
from services.databricks.context import ServiceContext
from services.databricks.engine import notebooks
from services.databricks.engine.clusters import SPARK_UI
from services.databricks.store.database import Attempt, Run, now, run_of

TEMPLATES = Path(__file__).parent / "templates"
RUNS_SHOWN = 100
"""Runs in the list of runs."""
LOG_BYTES = 100_000
"""Bytes of a log on the page of a run; a link leads to the whole log."""
PAGE_BYTES = 2_000_000
"""Bytes of all logs on the page of a run, in equal parts."""
UI_LIMIT = 20.0
"""Seconds to wait for a page of Spark's UI."""
HEADERS = {
    # Notebooks display foreign HTML: it may neither run scripts nor reach other hosts.
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
    "font-src data:; frame-src 'self'; frame-ancestors 'self'",
    "cache-control": "no-store",
}


class Pages:
    """The handlers of the pages."""

    def __init__(self, context: ServiceContext) -> None:
        self._database, self._url = context.database, context.settings.databricks_host
        self._task_runner, self._clusters = context.task_runner, context.clusters
        self._templates = jinja2.Environment(
            loader=jinja2.FileSystemLoader(TEMPLATES),
            autoescape=True,
            trim_blocks=True,
            lstrip_blocks=True,
            undefined=jinja2.StrictUndefined,
        )
        self._templates.filters |= {"time": _time, "seconds": _seconds}

    @property
    def routes(self) -> list[Route]:
        """The paths of the pages."""
        return [
            Route("/", self.runs),
            Route("/runs/{run_id:int}", self.any_run),
            Route("/jobs/{job_id:int}/runs/{run_id:int}", self.run),
            Route("/runs/{run_id:int}/log", self.log),
            Route(f"{SPARK_UI}/{{cluster_id}}/{{path:path}}", self.spark_ui),
            Route("/runs/{run_id:int}/notebook", self.notebook),
        ]

    async def runs(self, request: Request) -> Response:
        """The newest runs."""
        with self._database.work() as session:
            query = select(Run).where(~Run.deleted).order_by(Run.run_id.desc()).limit(RUNS_SHOWN)
            runs = session.scalars(query).all()
        return self._page("runs.html", runs=runs, active=any(not run.ended for run in runs))

    async def any_run(self, request: Request) -> Response:
        """Redirect to the page of a run, or of the run of an attempt."""
        with self._database.work() as session:
            try:
                found = run_of(session, request.path_params["run_id"])
            except ApiError as error:
                return PlainTextResponse(error.message, 404)
            return RedirectResponse(views.page_url(found.run, self._url))

    async def run(self, request: Request) -> Response:
        """One run."""
        with self._database.work() as session:
            run = session.get(Run, request.path_params["run_id"])
            if run is None or run.deleted or run.job_id != request.path_params["job_id"]:
                return PlainTextResponse("There is no such run.", 404)
            ids = [row.run_id for row in run.attempts]
            logs = await asyncio.to_thread(self._logs, ids)
            attempts = [self._attempt_view(row, logs[row.run_id]) for row in run.attempts]
            unused = fields_without_effect(run.settings)
        return self._page(
            "run.html", run=run, attempts=attempts, active=not run.ended, unused=unused
        )

    async def log(self, request: Request) -> Response:
        """The stored log of an attempt."""
        run_id = request.path_params["run_id"]
        if not self._task_runner.folder(run_id).exists():
            return PlainTextResponse("There is no such log.", 404)
        text, _ = await asyncio.to_thread(self._task_runner.log(run_id).last)
        return PlainTextResponse(text)

    async def spark_ui(self, request: Request) -> Response:
        """Spark's UI of a running cluster, whose JVM listens on this machine alone."""
        cluster = self._clusters.find(request.path_params["cluster_id"])
        if cluster is None or not cluster.ui_url:
            return PlainTextResponse("There is no such cluster, or it does not run.", 404)
        url = f"{cluster.ui_url}/{request.path_params['path']}?{request.url.query}"
        status, kind, body = await asyncio.to_thread(_fetch, url)
        return Response(body, status, media_type=kind)

    async def notebook(self, request: Request) -> Response:
        """The notebook of an attempt, as far as it has run."""
        file = self._task_runner.folder(request.path_params["run_id"]) / notebooks.FILE
        if not file.exists():
            return PlainTextResponse("There is no such notebook.", 404)
        return HTMLResponse(await asyncio.to_thread(_notebook_html, file), headers=HEADERS)

    def _logs(self, attempts: list[int]) -> dict[int, tuple[str, bool]]:
        limit = min(LOG_BYTES, PAGE_BYTES // max(len(attempts), 1))
        return {run_id: self._task_runner.log(run_id).last(limit) for run_id in attempts}

    def _attempt_view(self, row: Attempt, log: tuple[str, bool]) -> dict[str, Any]:
        name = next((k for k in row.task if k.endswith("_task") and row.task[k]), "")
        return {
            "row": row,
            "type": name,
            "parameters": json.dumps((row.resolved or row.task).get(name), indent=2),
            "notebook": (self._task_runner.folder(row.run_id) / notebooks.FILE).exists(),
            "log": log[0],
            "truncated": log[1],
        }

    def _page(self, name: str, **values: Any) -> Response:
        template = self._templates.get_template(name)
        return HTMLResponse(template.render(url=self._url, **values), headers=HEADERS)


def _fetch(url: str) -> tuple[int, str, bytes]:
    try:
        with urlopen(url, timeout=UI_LIMIT) as response:
            return response.status, response.headers["content-type"] or "", response.read()
    except HTTPError as error:
        return error.code, "text/plain", str(error).encode()
    except OSError as error:
        return 502, "text/plain", f"Spark's UI can't be reached: {error}".encode()


def _notebook_html(file: Path) -> str:
    from nbconvert.exporters import HTMLExporter  # takes a second, and only this page needs it

    exporter = HTMLExporter(  # type: ignore[no-untyped-call]
        template_name="notebook",
        extra_template_basedirs=[str(TEMPLATES)],
        embed_images=True,
    )
    return str(exporter.from_filename(str(file))[0])


def _time(millis: int) -> str:
    if not millis:
        return ""
    return datetime.fromtimestamp(millis / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")


def _seconds(row: Run | Attempt) -> str:
    if not row.start_time:
        return ""
    return f"{((row.end_time or now()) - row.start_time) / 1000:.1f} s"
