"""The kernel of notebooks: what IPython and Databricks bring, its bounds and its end."""

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from databricks.sdk.service import jobs

from tests.support.databricks import JobsApi, notebook, text
from tests.support.waiting import wait_for

SECRET = "hush-this-is-secret"
LIMIT = 120
"""Seconds for a run that starts a JVM on a busy machine."""

pytestmark = pytest.mark.slow

BOOKS = {
    "cells.py": """# Databricks notebook source
# MAGIC %md A *heading*
# COMMAND ----------
 indented = 1
# COMMAND ----------
!echo "from a shell"
# COMMAND ----------
%%time
%time x = 2
# COMMAND ----------
import asyncio
await asyncio.sleep(0)
await asyncio.sleep(0, "awaited")
# COMMAND ----------
indented?
# COMMAND ----------
%matplotlib inline
import matplotlib.pyplot as plt
plt.plot([1, 2])
plt.show()
# COMMAND ----------
# MAGIC %sh echo err >&2
# COMMAND ----------
# MAGIC %fs ls /
# COMMAND ----------
sqlContext.sql("SELECT 'of the context'").first()[0]
# COMMAND ----------
import pickle
from pyspark.sql.functions import udf
class Point:
    def __init__(self, x): self.x = x
assert pickle.loads(pickle.dumps(Point(3))).x == 3
spark.range(2).select(udf(lambda x: Point(x).x + 1, "long")("id").alias("n")).display()
spark.conf.set("spark.sql.session.timeZone", "Asia/Tokyo")
ntz = "timestamp_ntz'2024-01-01 01:00:00' AS t"
times = spark.sql(f"SELECT timestamp'2024-01-01 00:00:00' AS t, {ntz}")
times.display()
# COMMAND ----------
from databricks.sdk.runtime import *
from databricks.sdk.runtime import dbutils as imported, spark as session
from pyspark.dbutils import DBUtils
assert imported is dbutils is DBUtils(spark) and session is spark
dbutils.help()
for module in (dbutils.fs, dbutils.widgets, dbutils.notebook, dbutils.secrets):
    module.help()
dbutils.data.summarize(spark.range(3))
# COMMAND ----------
try:
    spark.sql("SELECT no_such_column")
except Exception as error:
    print(type(error).__name__)
print(*(scope.name for scope in dbutils.secrets.listScopes()))
print(dbutils.secrets.list("aws")[0].key, dbutils.secrets.list("none"))
print(dbutils.secrets.get("aws", "secret-key"))
raise ValueError(dbutils.secrets.get("aws", "secret-key"))
""",
    "outer.py": """# Databricks notebook source
spark.range(3).createOrReplaceTempView("own")
name = "outer"
# COMMAND ----------
print(dbutils.notebook.run("./inner", 60, {"leave": "exit()"}) == "")
print(dbutils.notebook.run("inner", 60, {"leave": "dbutils.notebook.exit('left')"}))
try:
    dbutils.notebook.run("inner", 60, {"leave": "1 / 0"})
except ZeroDivisionError as error:
    print("caught", error)
# COMMAND ----------
from concurrent.futures import ThreadPoolExecutor
def child(word):
    return dbutils.notebook.run("thread", 60, {"word": word})
with ThreadPoolExecutor(3) as threads:
    print(list(threads.map(child, "abc")))
    try:
        threads.submit(child, "late").result()
    except TimeoutError as error:
        print(error)
# COMMAND ----------
# MAGIC %run ./included $word="given"
# COMMAND ----------
assert spark.table("own").count() == 3 and spark.table("global_temp.shared").count() == 2
assert name == "included" and __name__ == "__main__"
print(word)
# COMMAND ----------
import sys
sys.exit()
# COMMAND ----------
raise AssertionError("never reached")
""",
    "inner.py": """# Databricks notebook source
import pickle
import asyncio
await asyncio.sleep(0)
assert "name" not in globals() and not spark.catalog.tableExists("own")
spark.range(2).createOrReplaceGlobalTempView("shared")
spark.range(1).createOrReplaceTempView("own")
class Inner: ...
assert type(pickle.loads(pickle.dumps(Inner()))) is Inner
print("in the inner notebook")
# COMMAND ----------
exec(dbutils.widgets.get("leave"))
# COMMAND ----------
raise AssertionError("never reached")
""",
    "thread.py": """# Databricks notebook source
import asyncio, time
from pyspark.sql import SparkSession
assert "name" not in globals() and not spark.catalog.tableExists("own")
word = getArgument("word")
rows = SparkSession.builder.getOrCreate().createDataFrame([(word,)], "word string")
rows.createOrReplaceTempView("word")
await asyncio.sleep(0.2)
# COMMAND ----------
# MAGIC %sql SELECT * FROM word WHERE word = :word
# COMMAND ----------
if word == "late":
    dbutils.notebook.run("endless_loop", 0.2)
dbutils.notebook.exit(word + _sqldf.first()[0])
""",
    "endless_loop.py": "# Databricks notebook source\nwhile True: pass\n",
    "included.py": """# Databricks notebook source
word = getArgument("word")
name = "included"
""",
    "packages.py": """# Databricks notebook source
# MAGIC %pip install --no-index --quiet \\
# MAGIC   /wheels/brought-1.0-py3-none-any.whl  # of the workspace
# COMMAND ----------
import brought
from pyspark.sql.functions import udf
@udf("string")
def of_a_worker(n):
    import brought
    return brought.NAME
print(brought.NAME, "and", spark.range(1).select(of_a_worker("id")).first()[0])
# COMMAND ----------
!python -c "import brought, pandas; print('in a child', brought.NAME)"
# COMMAND ----------
%pip list
""",
    "neighbour.py": "# Databricks notebook source\nimport brought\n",
    "statements.sql": """-- Databricks notebook source
CREATE WIDGET TEXT other DEFAULT 'of SQL';
CREATE OR REPLACE TEMP VIEW few AS SELECT 1 AS n; SELECT 'first';
SELECT n, ':n', :word, getArgument('other') FROM few
-- COMMAND ----------
-- MAGIC %python
-- MAGIC _sqldf.first()[0] + 1
""",
    "scala.py": "# Databricks notebook source\n# MAGIC %scala val x = 1\n",
    "status.py": "# Databricks notebook source\nimport sys\nsys.exit(3)\n",
    "killed.py": "# Databricks notebook source\nimport os\nos.kill(os.getpid(), 9)\n",
    "endless.py": """# Databricks notebook source
print("before", flush=True)
# COMMAND ----------
display("long" * 1_000_000)
while True:
    print("x" * 1000)
""",
}


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JobsApi]:
    """A service with the notebooks and a wheel in its workspace."""
    service = JobsApi(
        tmp_path_factory.mktemp("databricks"),
        SECRET_AWS_SECRET_KEY=SECRET,
        DATABRICKS_IDLE_SECONDS="300",
        DATABRICKS_LOG_BYTES="1000000",
    )
    for name, source in BOOKS.items():
        (service.workspace / name).write_text(source)
    wheel(service.workspace / "wheels")
    with service:
        yield service


def wheel(folder: Path) -> None:
    """Write a wheel with one module."""
    folder.mkdir()
    info = "brought-1.0.dist-info"
    with zipfile.ZipFile(folder / "brought-1.0-py3-none-any.whl", "w") as archive:
        archive.writestr("brought.py", "NAME = 'brought by a wheel'\n")
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: brought\nVersion: 1.0\n")
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", "")


def run_of(api: JobsApi, path: str, **more: object) -> jobs.Run:
    """The ended run of a notebook."""
    return api.ended(api.submit(notebook("book", path, **more)), LIMIT)


def test_cells_have_what_ipython_and_databricks_bring(api: JobsApi) -> None:
    run = run_of(api, "/cells")
    cells = api.cells(run, "book")
    assert [cell["execution_count"] for cell in cells] == list(range(1, 13))
    shown = [text(cell) for cell in cells]
    assert shown[1] == "from a shell\n"
    assert shown[2].count("Wall time") == 2
    assert shown[3] == "'awaited'"
    assert "String form:" in shown[4]
    assert "image/png" in cells[5]["outputs"][-1]["data"]
    assert shown[6] == "err\n"
    assert shown[8] == "'of the context'"
    assert "<td>1</td></tr>\n<tr><td>2</td>" in cells[9]["outputs"][0]["data"]["text/html"]
    in_tokyo = "<td>2024-01-01 00:00:00</td><td>2024-01-01 01:00:00</td>"
    assert in_tokyo in cells[9]["outputs"][1]["data"]["text/html"]
    for call in ("mount(", "getArgument(", "exit(", "getBytes(", "widgets"):
        assert call in shown[10]
    assert "stddev" in shown[10]
    # Of the caught error no logger has printed Java's stack.
    expected = "AnalysisException\naws\nsecret_key []\n[REDACTED]\n"
    assert text(cells[11]) == f"{expected}[REDACTED]"
    assert api.output(run, "book").error == "ValueError: [REDACTED]"
    kept = [path for path in (api.folder / "data").rglob("*") if path.is_file()]
    assert [path for path in kept if SECRET.encode() in path.read_bytes()] == []
    page = api.notebook_page(run, "book")
    assert "<em>heading</em>" in page
    assert "data:image/png;base64" in page
    assert "<script" not in page
    assert not re.findall(r"(?:src=|href=|url\()[\"']?(?:https?:)?//", page)


def test_a_notebook_runs_another(api: JobsApi) -> None:
    run = run_of(api, "/outer")
    assert api.output(run, "book").error is None, api.output(run, "book").error_trace
    shown = [text(cell) for cell in api.cells(run, "book")]
    inner = "in the inner notebook\n"
    assert shown[1] == f"{inner}True\n{inner}left\n{inner}caught division by zero\n"
    late = "notebook /endless_loop took longer than 0.2 seconds"
    assert shown[2].endswith(f"['aa', 'bb', 'cc']\nword\nlate\n{late}\n")
    assert shown[4] == "given\n"


def test_pip_installs_for_one_notebook_alone(api: JobsApi) -> None:
    run = run_of(api, "/packages")
    assert api.output(run, "book").error is None, api.output(run, "book").error_trace
    _, code, child, listed = map(text, api.cells(run, "book"))
    assert code == "brought by a wheel and brought by a wheel\n"
    assert child == "in a child brought by a wheel\n"
    assert "brought" in listed
    assert "pyspark" in listed
    run = run_of(api, "/neighbour")
    assert api.output(run, "book").error == "ModuleNotFoundError: No module named 'brought'"


def test_a_notebook_in_sql(api: JobsApi) -> None:
    run = api.ended(api.submit(notebook("book", "/statements", {"word": "it's"})), LIMIT)
    assert api.output(run, "book").error is None, api.output(run, "book").error_trace
    sql, code = map(text, api.cells(run, "book"))
    assert sql.splitlines()[1:] == ["1\t:n\tit's\tof SQL"]
    assert code == "2"


@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("/scala", "NotebookError: %scala can't be run here, only Python, SQL and a shell"),
        ("/status", "SystemExit: 3"),
        ("/killed", "The task's process was ended by SIGKILL"),
        (
            "/none",
            'NotebookError: Unable to access the notebook "/none". Either it does not exist, or '
            "the identity used to run this job lacks the required permissions.",
        ),
    ],
)
def test_why_a_notebook_failed(api: JobsApi, path: str, error: str) -> None:
    run = run_of(api, path)
    assert run.state.result_state is jobs.RunResultState.FAILED
    assert api.output(run, "book").error == error


def test_a_cell_that_prints_without_end_is_bounded(api: JobsApi) -> None:
    run_id = api.submit(notebook("book", "/endless"))
    attempt = api.attempt(api.jobs.get_run(run_id).tasks[0].run_id)
    kept = attempt / "notebook.ipynb"

    def grown() -> bool:
        return kept.exists() and "not shown: the notebook has too many" in kept.read_text()

    wait_for("the limit of the outputs", grown, LIMIT)
    run = api.jobs.get_run(run_id)
    page = api.notebook_page(run, "book")  # while the cell runs
    assert "before" in page
    assert "This output is too long to be shown." in page
    assert kept.stat().st_size < 10_000_000
    assert sum(path.stat().st_size for path in attempt.glob("log*")) < 3_000_000
    children = [
        child for child in psutil.process_iter() if str(attempt) in " ".join(_command(child))
    ]
    assert children
    assert max(child.memory_info().rss for child in children) < 1_000_000_000
    api.jobs.cancel_run(run_id)
    assert api.ended(run_id, LIMIT).state.result_state is jobs.RunResultState.CANCELED
    assert not [child for child in children if child.is_running()]


def _command(process: psutil.Process) -> list[str]:
    try:
        return list(process.cmdline())
    except psutil.Error:
        return []
