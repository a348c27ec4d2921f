"""Runs a deferred task to its end, as the worker and the triggerer do."""

import asyncio
import importlib
from typing import Any

import pytest
from airflow.sdk.exceptions import TaskDeferred


def rendered(task: Any, context: dict[str, Any]) -> Any:
    """A task with rendered templates, ready to execute."""
    ready = task.prepare_for_execution()
    ready.render_template_fields(context)
    return ready


def defer(task: Any, context: dict[str, Any]) -> TaskDeferred:
    """Execute a task that must defer."""
    with pytest.raises(TaskDeferred) as raised:
        task.execute(context)
    return raised.value


def restored_trigger(deferred: TaskDeferred) -> Any:
    """The trigger, restored from the form that Airflow stores in its database."""
    path, arguments = deferred.trigger.serialize()
    module, _, name = path.rpartition(".")
    return getattr(importlib.import_module(module), name)(**arguments)


async def event(trigger: Any) -> Any:
    """The event with which a trigger fires."""
    async for found in trigger.run():
        return found.payload
    raise AssertionError("the trigger ended without an event")


def complete(task: Any, context: dict[str, Any], deferred: TaskDeferred, limit: float = 30) -> Any:
    """Wait for the trigger's event, and resume the task with it."""
    fired = asyncio.run(asyncio.wait_for(event(restored_trigger(deferred)), limit))
    return getattr(task, deferred.method_name)(context=context, event=fired)
