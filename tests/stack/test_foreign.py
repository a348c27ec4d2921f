"""Programs of other people (tests/foreign): scripts that send posts, and a DAG with a notebook."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import requests
from sqlalchemy import make_url

from contract import names
from contract.entities import ENTITIES, GEO
from emulator.draw import original
from hops import kinesis, objects, tables
from hops.access import Access
from tests.conftest import Stack
from tests.support import ROOT, elsewhere
from tests.support.airflow import Airflow
from tests.support.waiting import wait_for

POSTS = 3
"""Posts of each script before the test ends it: it sends without end, one post a second."""
LIMIT = 240
"""Seconds for a start of Spark on a busy machine."""
DATABASE = (
    "mysql+pymysql://{self.USER}:{self.PASSWORD}@{self.HOST}:{self.PORT}/{self.DATABASE}"
    "?charset=utf8mb4"
)


class Theirs(Airflow):
    """The DAG of tests/foreign."""

    dag_id = "0a1b2c3d4e5f_notebook_dag"


@pytest.fixture(scope="module")
def dropped() -> Iterator[None]:
    """DAG and notebook in the folders for them."""
    put = [
        elsewhere.put("notebooks/batch_processing.py", ROOT / "workspace" / elsewhere.HOME),
        elsewhere.put("dags/notebook_dag.py", ROOT / "airflow/dags"),
    ]
    yield
    for path in put:
        path.unlink()
    for folder in (put[0].parent, put[0].parent.parent):
        with suppress(OSError):  # a person may have notebooks of their own there
            folder.rmdir()


def addresses(stack: Stack) -> dict[str, dict[str, str]]:
    """The addresses that are replaced in each script."""
    invoke = {elsewhere.INVOKE_URL: stack.settings.gateway_invoke_url}
    url = make_url(stack.settings.source_database_url)
    if url.get_backend_name() == "sqlite":
        database = {DATABASE: str(url)}
    else:
        database = elsewhere.database(
            str(url.host), url.port or 3306, str(url.username), str(url.password)
        )
    return {
        "scripts/user_posting.py": invoke | database,
        "scripts/user_posting_streaming.py": invoke,
    }


def output_of(script: Path, lines: int) -> list[str]:
    """Run a script until it has printed so many lines, one for each request."""
    process = subprocess.Popen(
        [sys.executable, script.name],
        cwd=script.parent,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    with process:
        assert process.stdout is not None
        found = [line.strip() for line in islice(process.stdout, lines)]
        process.terminate()
    return found


def theirs(lines: list[bytes]) -> set[int]:
    """Keys of the scripts' rows, whose dates have a space; those of the emulator have a T."""
    rows: list[dict[str, Any]] = [json.loads(line) for line in lines if line.startswith(b'{"')]
    return {row["ind"] for row in rows if " " in str(row.get("timestamp"))}


@pytest.mark.timeout(600)
@pytest.mark.usefixtures("dropped")
@pytest.mark.processes
def test_a_dag_of_others_runs_their_notebook_on_what_their_scripts_have_sent(
    stack: Stack, access: Access, tmp_path: Path
) -> None:
    check_scripts(stack, access, tmp_path)
    airflow = Theirs.of(stack.engine, access)
    airflow.unpause()
    try:
        run_id = airflow.trigger()
        run = airflow.ended(run_id, LIMIT)
        assert run["state"] == "success", airflow.failures(run_id)
    finally:
        airflow.pause()
    page = requests.get(airflow.xcom(run_id, "submit_run", "run_page_url"), timeout=30).text
    (framed,) = re.findall(r'<iframe sandbox="" src="([^"]+)"', page)
    page = requests.get(framed, timeout=30).text
    assert "<td>/data/mens-fashion</td><td>Albania</td><td>2020-08-28 03:52:47</td>" in page
    assert "<td>Abigail Ali</td>" in page

    keys = {draw.key for draw in islice(original(), POSTS)}

    def there() -> bool:
        return all(keys <= set(tables.keys(access, e, "streaming")) for e in ENTITIES)

    wait_for("their posts to be in the tables of the streaming job", there, LIMIT, 0.5)


@pytest.mark.containers
def test_their_scripts_read_mysql(stack: Stack, access: Access, tmp_path: Path) -> None:
    check_scripts(stack, access, tmp_path)


def check_scripts(stack: Stack, access: Access, folder: Path) -> None:
    """Run both scripts and find their rows in S3 and in Kinesis."""
    scripts = [elsewhere.put(name, folder, new) for name, new in addresses(stack).items()]
    user_id = stack.settings.user_id
    topics = [names.topic(user_id, entity) for entity in ENTITIES]
    printed = output_of(scripts[0], POSTS * len(ENTITIES))
    assert printed == [f"{topic} 200" for topic in topics] * POSTS
    printed = output_of(scripts[1], POSTS * len(ENTITIES))
    assert printed == [f"{entity.name} 200" for entity in ENTITIES] * POSTS

    keys = {draw.key for draw in islice(original(), POSTS)}
    records = kinesis.read(access, names.stream(user_id, GEO))
    assert keys <= theirs([record.data for record in records])

    def stored() -> bool:
        return keys <= theirs(list(objects.records_from(access, names.topic(user_id, GEO), {})))

    wait_for("their posts to be in S3", stored, 60, 0.5)
