"""Names the line to change in a DAG that was written for Airflow 2.

Airflow imports this module by its name before it reads DAGs. Airflow's own message is only
"unexpected keyword argument".
"""

from functools import wraps
from typing import Any

from airflow.sdk import DAG

__all__: list[str] = []
"""No name of this module becomes one of Airflow's settings."""

_init = DAG.__init__


@wraps(_init)
def _with_advice(dag: DAG, *arguments: Any, **named: Any) -> None:
    if "schedule_interval" in named:
        value = named["schedule_interval"]
        raise TypeError(
            f"Airflow 3 has no schedule_interval: write schedule={value!r} instead of "
            f"schedule_interval={value!r} (docs/bring-your-own.md)"
        )
    _init(dag, *arguments, **named)


DAG.__init__ = _with_advice
