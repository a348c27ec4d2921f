"""The calls ``jobs/*`` that concern jobs, not runs."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar, get_args, get_type_hints

from msgspec import Struct, field
from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from services.databricks.api import bodies, views
from services.databricks.api.bodies import read
from services.databricks.api.errors import invalid
from services.databricks.api.libraries import Environment, check_environments
from services.databricks.api.parameters import check
from services.databricks.api.permissions import LIST, Access, access_list
from services.databricks.api.tasks import (
    KEY_CHARACTERS,
    JobCluster,
    Task,
    checked_tasks,
    with_parsed_values,
)
from services.databricks.engine.scheduler import Scheduler
from services.databricks.engine.states import ACTIVE
from services.databricks.store.database import Database, Job, Run, new_id
from services.databricks.workspace import Workspace

LIMIT = 100
"""Maximum number of jobs in one response."""
UNTITLED = "Untitled"
TASK = "main"
"""Task key of a run that is submitted without ``tasks`` and without a name."""

Json = dict[str, Any]
Row = TypeVar("Row")


class Jobs:
    """The handlers."""

    def __init__(self, database: Database, workspace: Workspace, scheduler: Scheduler) -> None:
        self._database, self._workspace, self._scheduler = database, workspace, scheduler

    async def create(self, request: Json) -> Json:
        settings = self._settings(request) | access_list(request)
        with self._database.work() as session:
            job = Job(job_id=new_id(session), settings=settings, name=settings["name"])
            session.add(job)
            return {"job_id": job.job_id}

    async def get(self, request: Json) -> Json:
        form = read(request, bodies.JobId)
        with self._database.work() as session:
            job = job_of(session, form.job_id)
            return views.job(job, start=bodies.page_start(form.page_token))

    async def list_jobs(self, request: Json) -> Json:
        form = read(request, bodies.ListJobs)
        query = select(Job).order_by(Job.job_id.desc())
        if form.name:
            query = query.where(func.lower(Job.name) == form.name.lower())
        with self._database.work() as session:
            return page(
                session, query, form, LIMIT, "jobs", lambda row: views.job(row, form.expand_tasks)
            )

    async def update(self, request: Json) -> Json:
        """Change fields; tasks, clusters and parameters are merged by their keys."""
        form = read(request, bodies.NewSettings)
        with self._database.work() as session:
            job = job_of(session, form.job_id)
            settings = views.single_task_settings(job.settings)
            if "tasks" in form.new_settings:
                settings = dict(job.settings)
            for name in form.fields_to_remove:
                _remove(settings, name)
            for name, value in form.new_settings.items():
                if key := _KEYS.get(name):
                    changed = read(value, list[dict[str, Any]], f"new_settings.{name}")
                    for item in changed:
                        read(item.get(key, ""), str, f"new_settings.{name}.{key}")
                    value = _merge(settings.get(name, []), changed, key)
                settings[name] = value
            job.settings = self._settings(settings) | access_list(job.settings)
            job.name = job.settings["name"]
        return {}

    async def reset(self, request: Json) -> Json:
        form = read(request, bodies.NewSettings)
        settings = self._settings(form.new_settings)
        with self._database.work() as session:
            job = job_of(session, form.job_id)
            job.settings, job.name = settings | access_list(job.settings), settings["name"]
        return {}

    async def delete(self, request: Json) -> Json:
        """Delete a job; its active runs are cancelled, its ended ones stay."""
        form = read(request, bodies.JobId)
        with self._database.work() as session:
            session.delete(job_of(session, form.job_id))
            active = select(Run).where(Run.job_id == form.job_id, Run.life_cycle.in_(ACTIVE))
            runs = session.scalars(active).all()
        for run in runs:
            self._scheduler.stop_run(run)
        return {}

    def _settings(self, settings: Json) -> Json:
        return checked_settings({"name": UNTITLED, **settings}, self._workspace)


def checked_settings(settings: Mapping[str, Any], workspace: Workspace) -> Json:
    """Check the settings of a job or a submitted run; return them in the form to store.

    Raises:
        ApiError: names the value that is not accepted.
    """
    settings = _with_tasks(settings)
    form = read(settings, _Settings)
    for name in ("triggers", "environment_variables"):
        if getattr(form, name):
            raise invalid(f"{name} is not supported")
    environments = check_environments(settings.get("environments", ()), workspace)
    if form.git_source and not all(map(_is_of_workspace, form.tasks)):
        raise invalid("git_source is not supported, only files of the workspace")
    tasks = checked_tasks(form.tasks, form.job_clusters, environments, workspace)
    check([item.default for item in form.parameters], frozenset())
    parsed = ("timeout_seconds", "max_concurrent_runs", "job_clusters", "parameters")
    found = {
        name: with_parsed_values(value, getattr(form, name)) if name in parsed else value
        for name, value in settings.items()
        if name != LIST
    }
    return found | {"tasks": tasks}


def fields_without_effect(settings: Mapping[str, Any]) -> list[str]:
    """Fields of a job or a submitted run that this service does not use, as paths."""
    found = [*_unused(settings, _Settings)]
    for task in settings["tasks"]:
        found += (f"tasks.{name}" for name in _unused(task, Task))
    return sorted(set(found))


def _unused(raw: Mapping[str, Any], form: type[Struct]) -> Iterator[str]:
    fields = get_type_hints(form)
    for name, value in raw.items():
        if value and (name == LIST or name not in fields) and name not in _METADATA:
            yield name
        kinds = (item for item in get_args(fields.get(name)) if isinstance(item, type))
        forms = [item for item in kinds if issubclass(item, Struct)]
        for item in value if isinstance(value, list) else [value]:
            if forms and isinstance(item, dict):
                yield from (f"{name}.{inner}" for inner in _unused(item, forms[0]))


def _with_tasks(settings: Mapping[str, Any]) -> Json:
    """Settings with a list of tasks; in those of API 2.0, the fields of the only task lie open."""
    task = {name: value for name, value in settings.items() if _is_of_task(name)}
    shared = {name: value for name, value in settings.items() if name not in task}
    if "tasks" in settings or not any(name.endswith("_task") for name in task):
        return {**settings, "format": views.MULTI_TASK}
    # Airflow's DatabricksNotebookOperator looks for its task by the name of the run.
    title = str(settings.get("run_name") or settings.get("name") or TASK)
    task["task_key"] = re.sub(r"[^\w-]", "_", title)[:KEY_CHARACTERS]
    return {**shared, "tasks": [task], "format": views.SINGLE_TASK}


def _is_of_workspace(task: Any) -> bool:
    form = read(task, Task, "tasks")
    file = form.notebook_task or form.spark_python_task
    return not file or file.source == "WORKSPACE"


def _is_of_task(name: str) -> bool:
    return name.endswith("_task") or name in _OF_SINGLE_TASK


def job_of(session: Session, job_id: int) -> Job:
    """A job by its id.

    Raises:
        ApiError: the job does not exist.
    """
    job = session.get(Job, job_id)
    if job is None:
        raise invalid(f"Job {job_id} does not exist.")
    return job


def page(
    session: Session,
    query: Select[Row],
    form: bodies.Page,
    maximum: int,
    name: str,
    view: Callable[[Row], Json],
) -> Json:
    """A page of a list, with the tokens of the previous and the next page; limit 0 is ``maximum``.

    Raises:
        ApiError: the limit or the token is not valid.
    """
    if not 0 <= form.limit <= maximum:
        raise invalid(f"limit must be between 0 and {maximum}, it is {form.limit}")
    limit, start = form.limit or maximum, bodies.page_start(form.page_token, form.offset)
    rows = session.scalars(query.offset(start).limit(limit + 1)).all()
    found = [view(row) for row in rows[:limit]]
    for item in found:
        item.pop("next_page_token", None)
    more = len(rows) > limit
    response: Json = {name: found, "has_more": more} if found else {"has_more": more}
    if more:
        response["next_page_token"] = str(start + limit)
    if start:
        response["prev_page_token"] = str(max(start - limit, 0))
    return response


class _Parameter(Struct):
    name: str
    default: bodies.Text = bodies.Text()


class _Settings(Struct):
    name: str = ""
    run_name: str = ""
    tasks: list[Any] = field(default_factory=list)
    job_clusters: list[JobCluster] = field(default_factory=list)
    parameters: list[_Parameter] = field(default_factory=list)
    timeout_seconds: bodies.Count = 0
    max_concurrent_runs: bodies.Count = 1
    queue: bodies.QueueSettings | None = None
    access_control_list: list[Access] = field(default_factory=list)
    environments: list[Environment] = field(default_factory=list)
    triggers: Any = None
    environment_variables: Any = None
    git_source: Json | None = None


_METADATA = {"description", "format", "edit_mode", "deployment", "idempotency_token"}
"""Fields of which nobody expects an effect on a run."""
_OF_SINGLE_TASK = {
    "libraries",
    "new_cluster",
    "existing_cluster_id",
    "environment_key",
    "timeout_seconds",
    "max_retries",
    "min_retry_interval_millis",
    "retry_on_timeout",
}
"""Fields that a task has in API 2.1, and a job of API 2.0 itself."""
_KEYS = {
    "tasks": "task_key",
    "job_clusters": "job_cluster_key",
    "environments": "environment_key",
    "parameters": "name",
}


def _merge(old: list[Json], new: list[Json], key: str) -> list[Json]:
    changed = {item.get(key): item for item in new}
    merged = [changed.pop(item.get(key), item) for item in old]
    return merged + list(changed.values())


def _remove(settings: Json, name: str) -> None:
    """Remove a field, or an entry of a list: ``tasks/clean``."""
    field, _, entry = name.partition("/")
    if entry and field in _KEYS:
        settings[field] = [i for i in settings.get(field, []) if i.get(_KEYS[field]) != entry]
    else:
        settings.pop(field, None)
