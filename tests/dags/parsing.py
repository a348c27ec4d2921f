"""Parses a DAG as Airflow's processor does: a fork of a process that has imported what it can."""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
import warnings
from dataclasses import asdict, dataclass
from pathlib import Path

from airflow.dag_processing import processor
from airflow.dag_processing.dagbag import DagBag
from airflow.utils.file import iter_airflow_imports


@dataclass(frozen=True)
class Parsed:
    """What came of it."""

    seconds: float
    """Processor time of importing the file and what it imports."""
    errors: dict[str, str]
    dags: list[str]
    modules: list[str]
    """Modules that were imported in the fork, for each parse anew."""
    warnings: list[str]
    """Those whose cause is a file of the project."""


def in_a_fork(file: Path) -> Parsed:
    """Parse ``file`` in a fork of this process, which must not have imported it."""
    assert processor  # what the processor has imported is there
    for module in iter_airflow_imports(str(file)):
        importlib.import_module(module)
    read, write = os.pipe()
    if not os.fork():
        try:
            found = _parse(file)
            with os.fdopen(write, "w") as pipe:
                json.dump(asdict(found), pipe)
        finally:
            os._exit(0)
    os.close(write)
    with os.fdopen(read) as pipe:
        return Parsed(**json.load(pipe))


def _parse(file: Path) -> Parsed:
    before = set(sys.modules)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        begun = time.process_time()
        bag = DagBag(file)
        seconds = time.process_time() - begun
    ours = str(file.parents[1])
    return Parsed(
        seconds,
        {str(name): text for name, text in bag.import_errors.items()},
        list(bag.dags),
        sorted(set(sys.modules) - before),
        [str(item.message) for item in caught if item.filename.startswith(ours)],
    )


if __name__ == "__main__":
    json.dump(asdict(in_a_fork(Path(sys.argv[1]))), sys.stdout)
