"""The ASGI application: the table of calls, the token, bounds, and errors in Databricks' words."""

import asyncio
import hmac
import re
import sys
import traceback
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.convertors import IntegerConvertor, register_url_convertor
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from services.asgi import BODY_TIMEOUT
from services.databricks.api.bodies import parse
from services.databricks.api.clusters import Clusters
from services.databricks.api.errors import ApiError, Code
from services.databricks.api.jobs import Jobs, Json
from services.databricks.api.permissions import Permissions
from services.databricks.api.runs import Runs
from services.databricks.api.views import in_format_of
from services.databricks.context import ServiceContext
from services.databricks.engine.scheduler import Scheduler
from services.databricks.store.database import StateError
from services.databricks.ui.pages import Pages

BODY_BYTES = 16_777_216
"""Maximum number of bytes of a body."""
DRAINED_BYTES = 134_217_728
"""Bytes of a refused body that are read and discarded."""
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
_PATH = re.compile(r"/api/(2\.[0-2])/(.+)")
_JOB_IN_PATH = re.compile(r"(permissions/jobs)/([^/]+)(.*)")
"""The only calls whose path contains the job."""

Handler = Callable[[Json], Awaitable[Json]]


class _Id(IntegerConvertor):
    """An id in the path of a page: digits that the database can store as a number."""

    regex = "[0-9]{1,18}"


register_url_convertor("int", _Id())


def application(context: ServiceContext, scheduler: Scheduler) -> Starlette:
    """Make the ASGI application."""
    server, pages = Server(context, scheduler), Pages(context)
    return Starlette(
        routes=[
            Route("/health", server.health),
            Route("/.well-known/databricks-config", server.configuration),
            Route("/api/{path:path}", server.call, methods=METHODS),
            *pages.routes,
            Route("/{path:path}", server.not_found, methods=METHODS),
        ],
        exception_handlers={StateError: lambda _, error: _unavailable(error)},
    )


class Server:
    """Turns requests into calls, and their results and errors into responses."""

    def __init__(self, context: ServiceContext, scheduler: Scheduler) -> None:
        jobs = Jobs(context.database, context.workspace, scheduler)
        runs = Runs(context, scheduler)
        clusters = Clusters(context.database, context.clusters)
        permissions = Permissions(context.database)
        self._context = context
        self._token = context.settings.databricks_token.encode()
        self._calls: dict[tuple[str, str], Handler] = {
            ("POST", "jobs/create"): jobs.create,
            ("GET", "jobs/get"): jobs.get,
            ("GET", "jobs/list"): jobs.list_jobs,
            ("POST", "jobs/update"): jobs.update,
            ("POST", "jobs/reset"): jobs.reset,
            ("POST", "jobs/delete"): jobs.delete,
            ("POST", "jobs/run-now"): runs.run_now,
            ("POST", "jobs/runs/submit"): runs.submit,
            ("GET", "jobs/runs/get"): runs.get,
            ("GET", "jobs/runs/get-output"): runs.get_output,
            ("GET", "jobs/runs/list"): runs.list_runs,
            ("POST", "jobs/runs/cancel"): runs.cancel,
            ("POST", "jobs/runs/cancel-all"): runs.cancel_all,
            ("POST", "jobs/runs/delete"): runs.delete,
            ("POST", "jobs/runs/repair"): runs.repair,
            ("GET", "permissions/jobs"): permissions.get,
            ("PUT", "permissions/jobs"): permissions.put,
            ("PATCH", "permissions/jobs"): permissions.patch,
            ("GET", "permissions/jobs/permissionLevels"): permissions.levels,
            ("GET", "clusters/list"): clusters.list_clusters,
            ("GET", "clusters/get"): clusters.get,
            ("POST", "clusters/create"): clusters.create,
            ("POST", "clusters/start"): clusters.start,
            ("POST", "clusters/restart"): clusters.restart,
            ("POST", "clusters/delete"): clusters.terminate,
            ("POST", "clusters/permanent-delete"): clusters.permanent_delete,
            ("GET", "clusters/spark-versions"): clusters.spark_versions,
            ("GET", "clusters/list-node-types"): clusters.node_types,
            ("GET", "preview/scim/v2/Me"): clusters.me,
        }

    async def call(self, request: Request) -> Response:
        """Respond to a call of the API."""
        try:
            self._authorize(request.headers.get("authorization", ""))
            match = _PATH.fullmatch(request.url.path)
            path = match[2] if match else request.url.path
            permission_call = _JOB_IN_PATH.fullmatch(path)
            name = permission_call[1] + permission_call[3] if permission_call else path
            handler = self._calls.get((request.method, name))
            if match is None or handler is None:
                raise _no_api(request.method, f"/{path.lstrip('/')}")
            # The fields of a GET are in its query, or (Airflow's asynchronous hook) in its body.
            fields: dict[str, Any] = dict(request.query_params)
            content = await _read(request)
            fields |= parse(content) if content else {}
            fields |= {"job_id": permission_call[2]} if permission_call else {}
            if match[1] == "2.0" and name.endswith("/list"):
                fields["expand_tasks"] = True  # which a job of a single task is, in this version
            return _json(200, in_format_of(match[1], await handler(fields)))
        except ApiError as error:
            await _drain(request)
            return _error(error)
        except ClientDisconnect:
            return Response(status_code=400)
        except StateError as error:
            return _unavailable(error)
        except Exception as error:
            traceback.print_exception(error, file=sys.stderr)
            return _error(ApiError(Code.INTERNAL_ERROR, "The Jobs service failed; see its log."))

    async def health(self, request: Request) -> Response:
        """Whether runs can be stored and started."""
        reason = self._context.unhealthy_reason()
        body = {"status": "unavailable" if reason else "ok", "reason": reason or "runs can start"}
        return _json(503 if reason else 200, body)

    async def configuration(self, request: Request) -> Response:
        """The configuration that databricks-sdk requests first: the only login is a token."""
        return _json(200, {"oidc_endpoint": ""})

    async def not_found(self, request: Request) -> Response:
        """Respond to a path that is neither a call nor a page."""
        return _error(_no_api(request.method, request.url.path))

    def _authorize(self, header: str) -> None:
        """Check the token.

        Raises:
            ApiError: the token is missing or wrong.
        """
        kind, _, token = header.partition(" ")
        if kind.lower() != "bearer" or not token.strip():
            message = "Credential was not sent or was of an unsupported type for this API."
            raise ApiError(401, message)
        if not hmac.compare_digest(token.strip().encode(), self._token):
            raise ApiError(403, "Invalid access token.")


async def _read(request: Request) -> bytes:
    """Read the body.

    Raises:
        ApiError: the body is too large, or does not arrive.
    """
    message = f"The request has more than {BODY_BYTES} bytes"
    too_large = ApiError(Code.MAX_REQUEST_SIZE_EXCEEDED, message)
    length = request.headers.get("content-length", "0")
    if not length.isdecimal() or int(length) > BODY_BYTES:
        raise too_large
    content = bytearray()
    try:
        async with asyncio.timeout(BODY_TIMEOUT):
            async for chunk in request.stream():
                content += chunk
                if len(content) > BODY_BYTES:
                    raise too_large
    except TimeoutError:
        request.state.is_read = True  # no more of it is awaited
        message = f"The body of the request did not arrive within {BODY_TIMEOUT:g} seconds"
        raise ApiError(408, message) from None
    request.state.is_read = True
    return bytes(content)


async def _drain(request: Request) -> None:
    """Read the rest of a body: a client that is still sending would not read the response."""
    left = 0 if getattr(request.state, "is_read", False) else DRAINED_BYTES
    with suppress(TimeoutError):
        async with asyncio.timeout(BODY_TIMEOUT):
            while left > 0:
                message = await request.receive()
                left -= len(message.get("body", b""))
                if message["type"] == "http.disconnect" or not message.get("more_body", False):
                    return


def _no_api(method: str, path: str) -> ApiError:
    return ApiError(Code.ENDPOINT_NOT_FOUND, f"No API found for '{method} {path}'")


def _unavailable(error: Exception) -> Response:
    return _error(ApiError(Code.TEMPORARILY_UNAVAILABLE, str(error)))


def _error(error: ApiError) -> Response:
    body = {"error_code": error.code, "message": error.message}
    return _json(error.status, body, error.headers)


def _json(status: int, body: Any, headers: dict[str, str] | None = None) -> Response:
    return Response(msgspec.json.encode(body), status, headers, "application/json")
