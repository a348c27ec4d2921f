"""Exported notebooks, one .py and two .ipynb, through ``notebook_task`` with Spark and S3."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from databricks.sdk.service import jobs

from tests.support.databricks import JobsApi, notebook, python
from tests.support.localstack import LocalStack

NOTEBOOKS = Path(__file__).with_name("notebooks")
BUCKET = "posts-of-a-notebook"
SECRET = "hush-this-is-secret"
LIMIT = 120
"""Seconds for a run that starts a JVM on a busy machine."""

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JobsApi]:
    """A service with the notebooks in its workspace, and an S3 with posts."""
    with LocalStack(tmp_path_factory.mktemp("localstack"), "http://127.0.0.1:9") as localstack:
        s3 = localstack.client("s3")
        s3.create_bucket(Bucket=BUCKET)
        for index, category in enumerate(("art", "art", "cars")):
            post = json.dumps({"index": index, "category": category})
            s3.put_object(Bucket=BUCKET, Key=f"topics/{index}.json", Body=post.encode())
        service = JobsApi(
            tmp_path_factory.mktemp("databricks"),
            **localstack.access,
            SECRET_AWS_SECRET_KEY=SECRET,
            CLUSTER_IDLE_SECONDS="300",
        )
        shutil.copytree(NOTEBOOKS, service.workspace / "books")
        with service:
            yield service


def test_three_notebooks_run_as_one(api: JobsApi) -> None:
    follow = python("follow", "say.py", "{{tasks.book.values.rows}}", after=("book",))
    run_id = api.submit(notebook("book", "/Workspace/books/report", {"bucket": BUCKET}), follow)
    run = api.ended(run_id, LIMIT)
    output = api.output(run, "book")
    assert output.error is None, output.error_trace
    assert output.notebook_output == jobs.NotebookOutput(
        f"ART /books/report {run.job_id}", truncated=False
    )
    assert api.output(run, "follow").logs == "3\n"

    page = api.notebook_page(run, "book")
    assert "A report" in page
    assert "least 2" in page
    assert "dbfs:/mnt/posts/topics/0.json" in page
    assert "<td>cars</td><td>2</td>" in page
    assert "<th>category</th><th>n</th>" in page
    assert page.count("<td>art</td><td>2</td>") == 2  # of the query, and of its rows
    assert "<td>cars</td><td>1</td>" not in page
    assert "<th>loud</th><th>next</th>" in page  # of pandas
    assert "<td>ART</td><td>11</td>" in page
    assert "<td>CARS</td><td>12</td>" in page
    assert "<b>1 categories</b>" in page
    assert "<td>shared</td>" in page
    assert "<pre>42</pre>" in page
    assert api.cells(run, "book")[-1]["execution_count"] is None  # never reached
    assert "secret [REDACTED]" in page
    kept = [path for path in (api.folder / "data").rglob("*") if path.is_file()]
    assert [path for path in kept if SECRET.encode() in path.read_bytes()] == []


def test_a_query_that_failed_before_the_last_cell_fails_the_run(api: JobsApi) -> None:
    older = "1108-162752-8okw8dgg"  # the first cell depends on the older runtime
    task = notebook("book", "/Workspace/books/queries", existing_cluster_id=older)
    run = api.ended(api.submit(task), LIMIT)
    output = api.output(run, "book")
    failed = (
        "query followers of cell 2 of /books/lib/start failed: [CAST_INVALID_INPUT] The value '12k'"
    )
    assert run.state.result_state is jobs.RunResultState.FAILED
    assert (output.error or "").startswith(f"StreamingQueryFailed: {failed}")
    assert f"Task book failed with message: {failed}" in run.state.state_message
    trace = output.error_trace or ""
    assert trace.startswith(failed)
    assert '    query = start("followers")' in trace
    assert "[TASK_WRITE_FAILED]" in trace
    # Every cell has run, as on Databricks.
    cells = api.cells(run, "book")
    assert [cell["execution_count"] for cell in cells] == [1, 2, 3, 4, 5]
    assert "handled StreamingQueryException" in str(cells)


def test_a_failed_cell_is_reported_with_its_traceback(api: JobsApi) -> None:
    run = api.ended(api.submit(notebook("book", "/books/lib/shout", {"word": "fail"})), LIMIT)
    assert run.state.result_state is jobs.RunResultState.FAILED
    output = api.output(run, "book")
    assert output.error == "ZeroDivisionError: division by zero"
    trace = output.error_trace or ""
    assert trace.startswith("Cell 2 of /books/lib/shout (python):\n    if word ==")
    assert 'File "/books/lib/shout, cell 2", line 4, in <module>\n    helpers.divide(1, 0)' in trace
    assert "return a / b" in trace
    assert "services/databricks" not in trace
    page = api.notebook_page(run, "book")
    assert "ZeroDivisionError" in page


def test_a_workspace_is_as_notebooks_from_elsewhere_expect(api: JobsApi) -> None:
    run = api.ended(api.submit(notebook("book", "/books/workspace", {"bucket": BUCKET})), LIMIT)
    output = api.output(run, "book")
    assert output.error is None, output.error_trace
    assert output.notebook_output.result == "1 workspace"
    page = api.notebook_page(run, "book")
    assert f"s3a://{BUCKET}/topics/0.json" in page
    # The source of the cells has the keys, and nothing else does.
    files = [path for path in (api.folder / "data").rglob("*") if path.is_file()]
    holding = {path.name for path in files if b"quietkey" in path.read_bytes()}
    assert holding <= {"notebook.ipynb"}
    printed = [cell.get("outputs") for cell in api.cells(run, "book")]
    assert "quietkey" not in json.dumps(printed)
    assert "AKIAEXAMPLE" not in json.dumps(printed)
