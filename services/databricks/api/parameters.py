"""The parameters of a task: its own, those of the request and those of the job, resolved.

Parameters contain dynamic value references, such as ``{{job.parameters.day}}``. Databricks defines
them in "What is a dynamic value reference?". An unknown name in a known namespace is an error when
a job is created or changed; any other text in braces stays unchanged.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from services.databricks.api.errors import invalid
from services.databricks.store.database import Attempt

JOB_PARAMETERS = "job.parameters."
RESOLVED_CHARACTERS = 1_048_576
"""Characters that references may add, to the job's parameters and to those of a task.

Databricks' limit for the parameters of a notebook. Without one, parameters of 8 KB that name each
other eight deep would become 10**14 characters.
"""
_REFERENCE = re.compile(r"\{\{\s*((?:[\w-]+|`[^`{}]+`)(?:\.(?:[\w-]+|`[^`{}]+`))*)\s*\}\}")
_PART = re.compile(r"`([^`]+)`|([^.`]+)")


def names_in(reference: str) -> list[str]:
    """Names in a reference; names in backticks may contain any character."""
    return [quoted or plain for quoted, plain in _PART.findall(reference)]


def time_parts(millis: int) -> dict[str, str]:
    """The values of a time to which a reference may refer, by name."""
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
    f"{time}.{name}" for time in ("job.start_time", "job.trigger.time") for name in time_parts(0)
)
KNOWN = {
    *("job.id", "job.name", "job.run_id", "job.repair_count", "job.trigger.type", *_TIMES),
    *("run.id", "task.name", "task.run_id", "task.execution_count", "task.notebook_path"),
    *("workspace.id", "workspace.url"),
}
_NAMESPACES = ("job", "run", "task", "tasks", "workspace")


def check(value: Any, tasks: frozenset[str]) -> None:
    """Refuse a reference that cannot be resolved.

    Raises:
        ApiError: a reference has an unknown name in a known namespace, or names an unknown task.
    """

    def check_reference(match: re.Match[str]) -> str:
        reference = match[1]
        match names_in(reference):
            case ["tasks", task, _, *_] if task not in tasks:
                raise invalid(f"Reference {{{{{reference}}}}} names unknown task '{task}'")
            case (
                ["job", "parameters", _]
                | ["tasks", _, "values", _]
                | ["tasks", _, "run_id" | "result_state" | "execution_count" | "error_code"]
            ):
                pass
            case [space, _, *_] as parts if space in _NAMESPACES and ".".join(parts) not in KNOWN:
                raise invalid(f"Unknown dynamic value reference {{{{{reference}}}}}")
        return match[0]

    _replace(value, check_reference)


def resolve(value: Any, values: Mapping[str, str], limit: int = RESOLVED_CHARACTERS) -> Any:
    """Replace the references in every text of ``value``; references without a value stay.

    Raises:
        ApiError: the values have more than ``limit`` characters together.
    """
    left = limit

    def value_of(match: re.Match[str]) -> str:
        nonlocal left
        found = values.get(".".join(names_in(match[1])), match[0])
        left -= len(found)
        if left < 0:
            raise invalid(
                f"Reference {match[0]}: the resolved parameters have more than the limit of "
                f"{RESOLVED_CHARACTERS} characters"
            )
        return found

    return _replace(value, value_of)


def _replace(value: Any, replace: Callable[[re.Match[str]], str]) -> Any:
    if isinstance(value, str):
        return _REFERENCE.sub(replace, value)
    if isinstance(value, list):
        return [_replace(item, replace) for item in value]
    if isinstance(value, dict):
        return {key: _replace(item, replace) for key, item in value.items()}
    return value


def values(attempt: Attempt, url: str) -> dict[str, str]:
    """Values of the dynamic references, by name, for an attempt at a task."""
    run = attempt.run
    started = time_parts(run.start_time or run.created_time)
    found = {
        "job.id": str(run.job_id),
        "job.name": run.name,
        "job.run_id": str(run.run_id),
        "run.id": str(run.run_id),
        "job.repair_count": str(len(run.repairs)),
        "job.trigger.type": "one_time",
        "task.name": attempt.task_key,
        "task.run_id": str(attempt.run_id),
        "task.execution_count": str(attempt.number + 1),
        "task.notebook_path": attempt.task.get("notebook_task", {}).get("notebook_path", ""),
        "workspace.id": "0",
        "workspace.url": url,
        # Older names, which Databricks still accepts.
        "job_id": str(run.job_id),
        "run_id": str(attempt.run_id),
        "parent_run_id": str(run.run_id),
        "task_key": attempt.task_key,
        "task_retry_count": str(attempt.number),
        "start_date": started["iso_date"],
        "start_time": started["timestamp_ms"],
    }
    for name, value in started.items():
        found[f"job.start_time.{name}"] = found[f"job.trigger.time.{name}"] = value
    for other in run.latest.values():
        prefix = f"tasks.{other.task_key}."
        found[prefix + "run_id"] = str(other.run_id)
        found[prefix + "result_state"] = (other.result or "").lower()
        found[prefix + "error_code"] = other.code or ""
        found[prefix + "execution_count"] = str(other.number + 1)
        for name, value in other.values.items():
            found[f"{prefix}values.{name}"] = value
    _add_job_parameters(found, run.parameters)
    return found


def _add_job_parameters(values: dict[str, str], parameters: Iterable[Mapping[str, Any]]) -> None:
    """Add the job's parameters to ``values``; each may refer to those before it."""
    left = RESOLVED_CHARACTERS
    for item in parameters:
        text = resolve(item.get("value", item.get("default", "")), values, left)
        values[JOB_PARAMETERS + item["name"]] = text
        left -= len(text)


def resolved_task(attempt: Attempt, values: Mapping[str, str]) -> dict[str, Any]:
    """The field of the task that is named after its type, with its resolved parameters.

    A request's ``python_params`` replace the task's, its ``notebook_params`` are added to the
    task's, and job parameters win over both where the task takes parameters by name.
    """
    name = next(key for key in attempt.task if key.endswith("_task") and attempt.task[key])
    fields: dict[str, Any] = dict(attempt.task[name])
    over = attempt.run.overriding
    job = {
        k.removeprefix(JOB_PARAMETERS): v for k, v in values.items() if k.startswith(JOB_PARAMETERS)
    }
    if name == "notebook_task":
        given = over.get("notebook_params", {})
        fields["base_parameters"] = {**fields.get("base_parameters", {}), **given, **job}
    elif name == "python_wheel_task" and "python_named_params" in over:
        fields["named_parameters"] = over["python_named_params"]
        fields.pop("parameters", None)
    elif "python_params" in over:
        fields["parameters"] = over["python_params"]
        fields.pop("named_parameters", None)
    if name == "python_wheel_task" and fields.get("named_parameters"):
        fields["named_parameters"] = {**fields["named_parameters"], **job}
    return {name: resolve(fields, values)}


def run_parameters(defined: Iterable[Mapping[str, Any]], given: Mapping[str, str]) -> list[Any]:
    """The job's parameters with the values of a request, as a run stores them.

    Raises:
        ApiError: they refer to each other, and become too long.
    """
    found = [
        {
            "name": item["name"],
            "default": item.get("default", ""),
            "value": given.get(item["name"], item.get("default", "")),
        }
        for item in defined
    ]
    known = {item["name"] for item in found}
    found += [{"name": k, "value": v} for k, v in given.items() if k not in known]
    _add_job_parameters({}, found)
    return found
