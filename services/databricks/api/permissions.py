"""Who may do what with a job: ``permissions/jobs/*``. It is kept and shown, and keeps nobody out.

Airflow's ``DatabricksCreateJobsOperator`` and ``DatabricksWorkflowTaskGroup`` make this call for a
job that is there already; for a new one the list is part of ``jobs/create``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any

from msgspec import Struct, to_builtins

from services.databricks.api.bodies import Long, read
from services.databricks.api.errors import ApiError, Code
from services.databricks.api.views import USER
from services.databricks.store.database import Database, Job

Json = dict[str, Any]

LIST = "access_control_list"


class Level(StrEnum):
    """What somebody may do."""

    CAN_VIEW = "CAN_VIEW"
    CAN_MANAGE_RUN = "CAN_MANAGE_RUN"
    CAN_MANAGE = "CAN_MANAGE"
    IS_OWNER = "IS_OWNER"


_SAYS = {
    Level.CAN_VIEW: "Can view the job and its runs",
    Level.CAN_MANAGE_RUN: "Can view the job, run it and cancel its runs",
    Level.CAN_MANAGE: "Can do everything but own the job",
    Level.IS_OWNER: "Owns the job",
}


class Access(Struct, omit_defaults=True):
    """The level of one user, group or service principal."""

    permission_level: Level
    user_name: str = ""
    group_name: str = ""
    service_principal_name: str = ""

    @property
    def who(self) -> tuple[str, str, str]:
        """Whose it is."""
        return self.user_name, self.group_name, self.service_principal_name

    def view(self) -> Json:
        """It, as the API shows it."""
        names = zip(("user_name", "group_name", "service_principal_name"), self.who, strict=True)
        levels = [{"permission_level": self.permission_level, "inherited": False}]
        return {name: value for name, value in names if value} | {"all_permissions": levels}


def kept(settings: Mapping[str, Any]) -> Json:
    """The part of a job's settings that ``jobs/update`` and ``jobs/reset`` leave as it is."""
    return {LIST: settings[LIST]} if LIST in settings else {}


class Permissions:
    """The handlers."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, request: Json) -> Json:
        return self._made(request, lambda old, _: old)

    async def put(self, request: Json) -> Json:
        """Replace the list."""
        return self._made(request, lambda _, new: new)

    async def patch(self, request: Json) -> Json:
        """Set the levels of those that are named, and leave the others theirs."""
        return self._made(
            request, lambda old, new: [a for a in old if a.who not in {n.who for n in new}] + new
        )

    async def levels(self, request: Json) -> Json:
        """Which levels there are."""
        self._made(request, lambda old, _: old)
        levels = [{"permission_level": level, "description": _SAYS[level]} for level in Level]
        return {"permission_levels": levels}

    def _made(
        self, request: Json, make: Callable[[list[Access], list[Access]], list[Access]]
    ) -> Json:
        """Make a job's list of what it is and what a request says; return the job's permissions.

        Raises:
            ApiError: there is no such job.
        """
        form = read(request, _OfJob)
        with self._database.work() as session:
            job = session.get(Job, form.job_id)
            if job is None:
                raise ApiError(Code.RESOURCE_DOES_NOT_EXIST, f"Job {form.job_id} does not exist.")
            old = read(job.settings.get(LIST, []), list[Access])
            made = make(old, form.access_control_list)
            if made != old:
                job.settings = job.settings | {LIST: [to_builtins(access) for access in made]}
        if all(access.permission_level is not Level.IS_OWNER for access in made):
            made = [Access(Level.IS_OWNER, user_name=USER), *made]
        views = [access.view() for access in made]
        return {"object_id": f"/jobs/{form.job_id}", "object_type": "job", LIST: views}


class _OfJob(Struct):
    job_id: Long
    access_control_list: list[Access] = []
