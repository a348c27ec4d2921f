"""Dynamic value references: ``{{job.parameters.day}}`` and the like in a task's parameters.

What they are and mean: Databricks, "What is a dynamic value reference?". An unknown name in a known
namespace is an error when a job is written; anything else in braces stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

from services.jobs_api.errors import invalid

T = TypeVar("T")
_REFERENCE = re.compile(r"\{\{\s*((?:[\w-]+|`[^`{}]+`)(?:\.(?:[\w-]+|`[^`{}]+`))*)\s*\}\}")
_PART = re.compile(r"`([^`]+)`|([^.`]+)")


def parts_of(reference: str) -> list[str]:
    """Names in a reference; those in backticks may hold any character."""
    return [quoted or plain for quoted, plain in _PART.findall(reference)]


def moments(millis: int) -> dict[str, str]:
    """What may be asked of a time, by name."""
    at = datetime.fromtimestamp(millis / 1000, UTC)
    values = {
        "timestamp_ms": str(millis),
        "iso_date": at.strftime("%Y-%m-%d"),
        "iso_datetime": at.strftime("%Y-%m-%dT%H:%M:%S"),
        "iso_weekday": str(at.isoweekday()),
        "is_weekday": str(at.isoweekday() < 6).lower(),
    }
    rest = ("year", "month", "day", "hour", "minute", "second")
    return values | {name: str(getattr(at, name)) for name in rest}


_TIMES = (
    f"{moment}.{name}" for moment in ("job.start_time", "job.trigger.time") for name in moments(0)
)
KNOWN = frozenset(
    (
        *("job.id", "job.name", "job.run_id", "job.repair_count", "job.trigger.type", *_TIMES),
        *("run.id", "task.name", "task.run_id", "task.execution_count", "task.notebook_path"),
        *("workspace.id", "workspace.url"),
    )
)
_NAMESPACES = ("job", "run", "task", "tasks", "workspace")


def check(value: Any, tasks: frozenset[str]) -> None:
    """Refuse a reference that can't mean anything.

    Raises:
        ApiError: it names nothing in a known namespace, or a task that isn't there.
    """

    def look(reference: str) -> None:
        match parts_of(reference):
            case ["tasks", task, _, *_] if task not in tasks:
                raise invalid(f"Reference {{{{{reference}}}}} names task '{task}', not there")
            case (
                ["job", "parameters", _]
                | ["tasks", _, "values", _]
                | ["tasks", _, "run_id" | "result_state" | "execution_count" | "error_code"]
            ):
                pass
            case [space, _, *_] as parts if space in _NAMESPACES and ".".join(parts) not in KNOWN:
                raise invalid(f"Unknown dynamic value reference {{{{{reference}}}}}")

    _walk(value, look)


def resolve(value: T, values: Mapping[str, str]) -> T:
    """Replace the references in every text of ``value``; one without a value stays."""
    found: T = _walk(value, lambda reference: values.get(".".join(parts_of(reference))))
    return found


def _walk(value: Any, look: Callable[[str], str | None]) -> Any:
    if isinstance(value, str):

        def replace(match: re.Match[str]) -> str:
            found = look(match[1])
            return match[0] if found is None else found

        return _REFERENCE.sub(replace, value)
    if isinstance(value, list):
        return [_walk(item, look) for item in value]
    if isinstance(value, dict):
        return {key: _walk(item, look) for key, item in value.items()}
    return value
