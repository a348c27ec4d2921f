"""The fields of requests: bodies of POST calls, and queries of GET calls.

Airflow sends numbers as texts ("Databricks can tolerate either"), so texts are read as numbers and
Booleans. Unknown fields are accepted, as Databricks does.
"""

import json
import re
from functools import cache
from typing import Annotated, Any, TypeVar, cast

import msgspec
from msgspec import Meta, Struct
from msgspec.inspect import IntType, StructType, UnionType, type_info

from services.databricks.api.errors import ApiError, Code, invalid

Form = TypeVar("Form")

PARAMETERS_BYTES = 10_000
"""Bytes of the parameters of a request, as JSON; Databricks' limit."""
PAGE_TOKEN_DIGITS = 18


class Text(str):
    """A text, for which the API accepts a number or a Boolean as well."""

    __slots__ = ()


Texts = list[Text]
Named = dict[str, Text]
Long = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
"""A number that the database can store."""
Count = Annotated[int, Meta(ge=0, le=2**31 - 1)]
"""A count or a duration."""


class JobId(Struct):
    """``jobs/get``, ``jobs/delete``, ``jobs/runs/cancel-all``."""

    job_id: Long
    page_token: str = ""


class NewSettings(Struct):
    """``jobs/update``, ``jobs/reset``."""

    job_id: Long
    new_settings: dict[str, Any] = {}
    fields_to_remove: list[str] = []


class Page(Struct):
    """Fields that the two list calls share."""

    limit: int = 20
    offset: Long = 0
    page_token: str = ""
    expand_tasks: bool = False


class ListJobs(Page):
    """``jobs/list``."""

    name: str = ""


class ListRuns(Page):
    """``jobs/runs/list``."""

    active_only: bool = False
    completed_only: bool = False
    job_id: Long | None = None
    run_type: str = ""
    start_time_from: Long = 0
    start_time_to: Long = 2**63 - 1


class Overrides(Struct, kw_only=True):
    """Parameters that a request gives for one run.

    Empty ones count as absent: Airflow's ``DatabricksWorkflowTaskGroup`` sends every kind.
    """

    job_parameters: Named = {}
    notebook_params: Named = {}
    python_params: Texts = []
    python_named_params: Named = {}

    def non_empty(self) -> dict[str, Any]:
        """The parameters that have a value, checked.

        Raises:
            ApiError: a parameter is too long, or two exclude each other.
        """
        found = {
            name: value for name in Overrides.__struct_fields__ if (value := getattr(self, name))
        }
        for name, value in found.items():
            size = len(json.dumps({name: value}, ensure_ascii=False).encode())
            if size > PARAMETERS_BYTES:
                raise invalid(
                    f"The JSON representation of {name} has {size} bytes, "
                    f"which is more than the limit of {PARAMETERS_BYTES} bytes"
                )
        if "job_parameters" in found and len(found) > 1:
            rest = ", ".join(sorted(set(found) - {"job_parameters"}))
            raise invalid(f"job_parameters can't be combined with {rest}")
        return found


class QueueSettings(Struct):
    """Whether a run waits for earlier runs of its job, or is skipped."""

    enabled: bool = False


Token = Annotated[str, Meta(max_length=64)]


class RunNow(Overrides, kw_only=True):
    """``jobs/run-now``."""

    job_id: Long
    idempotency_token: Token = ""
    only: list[str] = []
    queue: QueueSettings | None = None


class Repair(Overrides, kw_only=True):
    """``jobs/runs/repair``."""

    run_id: Long
    latest_repair_id: Long | None = None
    rerun_tasks: list[str] = []
    rerun_all_failed_tasks: bool = False
    rerun_dependent_tasks: bool = False


class RunId(Struct):
    """``jobs/runs/get``, ``get-output``, ``cancel``, ``delete``."""

    run_id: Long
    include_history: bool = False
    include_resolved_values: bool = False
    page_token: str = ""


class CancelAll(Struct):
    """``jobs/runs/cancel-all``."""

    job_id: Long | None = None
    all_queued_runs: bool = False


class ClusterId(Struct):
    """``clusters/get`` and the like."""

    cluster_id: str


def parse(content: bytes) -> dict[str, Any]:
    """Read a body, which must be a JSON object. A field that is null counts as absent.

    Raises:
        ApiError: the body is no JSON object.
    """
    try:
        body = _without_nulls(msgspec.json.decode(content))
        if isinstance(body, dict):
            return body
        reason = "expected a map"
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        reason = "failed to parse given JSON"
    message = f"Invalid JSON given in the body of the request - {reason}"
    raise ApiError(Code.MALFORMED_REQUEST, message)


def read(body: Any, form: type[Form], where: str = "") -> Form:
    """Read ``body`` into ``form``; ``where`` is its place in the request, for messages.

    Raises:
        ApiError: ``body`` lacks a field, or a field has the wrong type.
    """
    for name in _numbers(cast(Any, form)) if isinstance(body, dict) else ():
        # msgspec reads "1e3" as 1000, too.
        if isinstance(text := body.get(name), str) and not re.fullmatch("-?[0-9]+", text):
            at = ".".join(filter(None, [where, name]))
            reason = f"{at}: Expected `int`, got {text!r:.100}"
            raise ApiError(Code.MALFORMED_REQUEST, f"Could not parse request object: {reason}")
    try:
        return msgspec.convert(body, form, strict=False, dec_hook=_text)
    except msgspec.ValidationError as error:
        text = str(error)
        place = re.sub(r"\[\.*\d*\]", "", (re.search(r"`\$\.?(.*)`$", text) or ["", ""])[1])
        missing = re.match(r"Object missing required field `(.+?)`", text)
        if missing:
            name = ".".join(filter(None, [where, place, missing[1]]))
            raise invalid(f"Missing required field: {name}") from None
        if re.search(r"length|`int` [<>]=", text):
            raise invalid(text) from None
        at = ".".join(filter(None, [where, place]))
        reason = text.partition(" - at ")[0]
        raise ApiError(
            Code.MALFORMED_REQUEST, f"Could not parse request object: {at}: {reason}"
        ) from None


@cache
def _numbers(form: Any) -> tuple[str, ...]:
    """Names of the fields of a form that are whole numbers."""
    found = type_info(form)
    fields = found.fields if isinstance(found, StructType) else ()
    return tuple(
        field.encode_name
        for field in fields
        for kind in (field.type.types if isinstance(field.type, UnionType) else [field.type])
        if isinstance(kind, IntType)
    )


def _text(form: type, value: Any) -> Text:
    """Read a text as the API does: ``true`` is "true", and 2024 is "2024"."""
    if isinstance(value, str):
        return Text(value)
    if isinstance(value, int | float):
        return Text(json.dumps(value))
    raise ValueError(f"Expected `str`, got `{'array' if isinstance(value, list) else 'object'}`")


def page_start(token: str, offset: int = 0) -> int:
    """The first row of a page, from its token or its offset.

    Raises:
        ApiError: the token is not one of this service.
    """
    if not token:
        return max(offset, 0)
    if not re.fullmatch(rf"[0-9]{{1,{PAGE_TOKEN_DIGITS}}}", token):
        raise invalid(f"Invalid page token: {token:.100}")
    return int(token)


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_nulls(item) for name, item in value.items() if item is not None}
    return [_without_nulls(item) for item in value] if isinstance(value, list) else value
