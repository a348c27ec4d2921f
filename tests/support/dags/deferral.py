"""Carries a deferred task to its end, as worker and triggerer do it."""

from __future__ import annotations

import asyncio
import importlib
from typing import Any

import pytest
from airflow.sdk.exceptions import TaskDeferred


def rendered(task: Any, found: dict[str, Any]) -> Any:
    """A task with its templates filled in, ready to execute."""
    ready = task.prepare_for_execution()
    ready.render_template_fields(found)
    return ready


def defer(task: Any, found: dict[str, Any]) -> TaskDeferred:
    """Execute a task that must hand over to a trigger."""
    with pytest.raises(TaskDeferred) as raised:
        task.execute(found)
    return raised.value


def triggered_anew(deferred: TaskDeferred) -> Any:
    """The trigger, made again from what Airflow keeps of it in its database."""
    path, arguments = deferred.trigger.serialize()
    module, _, name = path.rpartition(".")
    return getattr(importlib.import_module(module), name)(**arguments)


async def event(trigger: Any) -> Any:
    """The one event of a trigger."""
    async for found in trigger.run():
        return found.payload
    raise AssertionError("the trigger ended without an event")


def complete(task: Any, found: dict[str, Any], deferred: TaskDeferred, limit: float = 30) -> Any:
    """Wait for the trigger's event, and resume the task with it."""
    told = asyncio.run(asyncio.wait_for(event(triggered_anew(deferred)), limit))
    return getattr(task, deferred.method_name)(context=found, event=told)
