"""The permissions of a job, ``permissions/jobs/*``: stored and shown, but not enforced.

Airflow's ``DatabricksCreateJobsOperator`` and ``DatabricksWorkflowTaskGroup`` make this call for an
existing job; for a new one the list is part of ``jobs/create``.
"""

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
    """Permission levels of a job."""

    CAN_VIEW = "CAN_VIEW"
    CAN_MANAGE_RUN = "CAN_MANAGE_RUN"
    CAN_MANAGE = "CAN_MANAGE"
    IS_OWNER = "IS_OWNER"


_TEXTS = {
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
    def names(self) -> tuple[str, str, str]:
        """Name of the user, group or service principal that has the level; two are empty."""
        return self.user_name, self.group_name, self.service_principal_name

    def view(self) -> Json:
        """The entry as the API returns it."""
        names = zip(("user_name", "group_name", "service_principal_name"), self.names, strict=True)
        levels = [{"permission_level": self.permission_level, "inherited": False}]
        return {name: value for name, value in names if value} | {"all_permissions": levels}


def access_list(settings: Mapping[str, Any]) -> Json:
    """The setting of a job that ``jobs/update`` and ``jobs/reset`` do not change."""
    return {LIST: settings[LIST]} if LIST in settings else {}


class Permissions:
    """The handlers."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, request: Json) -> Json:
        return self._apply(request, lambda old, _: old)

    async def put(self, request: Json) -> Json:
        """Replace the list."""
        return self._apply(request, lambda _, new: new)

    async def patch(self, request: Json) -> Json:
        """Set the levels of the principals in the request; the others keep theirs."""
        return self._apply(
            request,
            lambda old, new: [a for a in old if a.names not in {n.names for n in new}] + new,
        )

    async def levels(self, request: Json) -> Json:
        """All permission levels."""
        self._apply(request, lambda old, _: old)
        levels = [{"permission_level": level, "description": _TEXTS[level]} for level in Level]
        return {"permission_levels": levels}

    def _apply(
        self, request: Json, change: Callable[[list[Access], list[Access]], list[Access]]
    ) -> Json:
        """Apply ``change`` to a job's list and that of a request; return the job's permissions.

        Raises:
            ApiError: the job does not exist.
        """
        form = read(request, _JobAccess)
        with self._database.work() as session:
            job = session.get(Job, form.job_id)
            if job is None:
                raise ApiError(Code.RESOURCE_DOES_NOT_EXIST, f"Job {form.job_id} does not exist.")
            old = read(job.settings.get(LIST, []), list[Access])
            if (new := change(old, form.access_control_list)) != old:
                job.settings = job.settings | {LIST: [to_builtins(access) for access in new]}
        if all(access.permission_level is not Level.IS_OWNER for access in new):
            new = [Access(Level.IS_OWNER, user_name=USER), *new]
        views = [access.view() for access in new]
        return {"object_id": f"/jobs/{form.job_id}", "object_type": "job", LIST: views}


class _JobAccess(Struct):
    job_id: Long
    access_control_list: list[Access] = []
