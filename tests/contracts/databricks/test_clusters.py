"""Clusters: one JVM for many tasks, each with a process and sessions of its own."""

import json
from collections.abc import Callable, Iterator
from typing import Any
from urllib.request import urlopen

import psutil
import pytest
from databricks.sdk.service import jobs
from databricks.sdk.service.compute import ClusterSpec

from services.databricks.engine import process
from tests.support.databricks import JobsApi, lives, python, results
from tests.support.waiting import wait_for

pytestmark = pytest.mark.slow

RUN = """
import json, sys
from pyspark.sql import SparkSession
spark = SparkSession.builder.getOrCreate()
sc = spark.sparkContext
jvm = spark._jvm.ProcessHandle.current().pid()
found = {}
exec(sys.argv[1])
print('found ' + json.dumps({'jvm': jvm, **found}), flush=True)
"""
"""A task that runs its argument, which may add to ``found``."""
STREAM = """
path, rows = sys.argv[2], spark.readStream.format('rate').option('rowsPerSecond', 100).load()
twice = spark.udf.register('twice', lambda value: value * 2, 'long')
def merge(batch, number):
    batch.sparkSession.createDataFrame(batch.select(twice('value').alias('n')).collect(), 'n long')
    batch.selectExpr('value', 'twice(value) AS n').write.format('delta').mode('append').save(path)
query = rows.writeStream.foreachBatch(merge).trigger(processingTime='200 milliseconds').start()
import pathlib, time
while not pathlib.Path(sys.argv[3]).exists(): time.sleep(0.05)
assert query.isActive
query.stop()
table = spark.read.format('delta').load(path)
found['rows'] = table.count()
found['right'] = table.where('n = 2 * value').count()
"""
"""A neighbour: a stream with a function and a UDF, until the file of the third argument exists."""
HANG = """
import threading, time
job = sc.parallelize([1]).map(lambda _: time.sleep(600))
threading.Thread(target=job.collect, daemon=True).start()
(tag,) = sc.getJobTags()
while not sc._jsc.sc().statusTracker().getJobIdsForTag(tag): time.sleep(0.05)
"""
"""A job that does not end."""


class Clusters:
    """A service, and what its tasks find."""

    def __init__(self, api: JobsApi) -> None:
        self.api = api
        (api.workspace / "run.py").write_text(RUN)

    def submit(self, code: str, *arguments: str, **more: Any) -> int:
        """Submit a task that runs ``code``, on the all-purpose cluster by default."""
        if "new_cluster" not in more:
            more.setdefault("existing_cluster_id", "1108-162752-8okw8dgg")
        return self.api.submit(python("a", "run.py", code, *arguments, **more))

    def found(self, run_id: int, result: str = "SUCCESS") -> dict[str, Any]:
        """What a run found, which ends with ``result``."""
        run = self.api.ended(run_id, 120)
        output = self.api.output(run, "a")
        logs = output.logs or ""
        assert results(run) == {"a": result}, f"{output.error} {output.error_trace} {logs}"
        *_, last = ["found {}", *(line for line in logs.splitlines() if "found {" in line)]
        return dict(json.loads(last.removeprefix("found "))) | {"error": output.error}

    def run(self, code: str = "", *arguments: str, result: str = "SUCCESS", **more: Any) -> Any:
        """What a task finds."""
        return self.found(self.submit(code, *arguments, **more), result)

    def held(self, code: str = "", **more: Any) -> tuple[int, int]:
        """A run that prints its JVM after ``code`` and then does not end; the run and the JVM."""
        tell = f"{code}\nprint('held', jvm, flush=True); import time; time.sleep(600)"
        run_id = self.submit(tell, **more)
        attempt = self.api.jobs.get_run(run_id).tasks[0].run_id
        log = self.api.attempt(attempt) / "log"
        wait_for("the task", lambda: log.exists() and "held " in log.read_text(), 120)
        return run_id, int(log.read_text().split("held ")[1].split()[0])


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clusters]:
    """A service whose all-purpose cluster serves most of these tests."""
    settings = {"CLUSTER_IDLE_SECONDS": "120", "DATABRICKS_SLOTS": "2"}
    with JobsApi(tmp_path_factory.mktemp("clusters"), **settings) as api:
        yield Clusters(api)


@pytest.fixture
def start(start_api: Callable[..., JobsApi]) -> Callable[..., Clusters]:
    """Start a service of the test's own."""

    def started(**settings: str) -> Clusters:
        return Clusters(start_api(**{"CLUSTER_IDLE_SECONDS": "60", **settings}))

    return started


def new_cluster(version: str = "18.x-scala2.13", **more: Any) -> ClusterSpec:
    return ClusterSpec(spark_version=version, num_workers=0, **more)


def test_tasks_share_a_cluster_and_have_sessions_of_their_own(shared: Clusters) -> None:
    first = shared.run(
        "spark.range(2).createGlobalTempView('for_all'); spark.range(3).createTempView('mine')\n"
        "spark.conf.set('spark.sql.shuffle.partitions', 7)\n"
        "found['sum'] = sc.parallelize([1, 2]).map(lambda n: n + 1).sum()"
    )
    second = shared.run(
        "found['rows'] = spark.table('global_temp.for_all').count()\n"
        "found['tables'] = [table.name for table in spark.catalog.listTables()]\n"
        "found['partitions'] = spark.conf.get('spark.sql.shuffle.partitions')\n"
        "found['ansi'] = spark.conf.get('spark.sql.ansi.enabled')"
    )
    assert first["sum"] == 5
    assert second["jvm"] == first["jvm"]
    assert (second["rows"], second["tables"], second["partitions"]) == (2, [], "2")
    assert second["ansi"] == "false"


def test_a_stream_goes_on_while_neighbours_end_in_every_way(shared: Clusters) -> None:
    """A stop of the session or the context, a failure, a cancellation, and kill -9."""
    table, end = (shared.api.workspace / name for name in ("neighbour", "end"))
    neighbour = shared.submit(STREAM, table.as_uri(), str(end))
    wait_for("its first batch", table.exists, 120)
    modules = (
        "from databricks.sdk.runtime import dbutils, display, spark as session\n"
        "from pyspark.dbutils import DBUtils\n"
        "assert DBUtils(spark) is dbutils and session is spark\n"
        "dbutils.fs.put('/tmp/put.txt', 'text', True)\n"
        "found['text'] = spark.read.text('dbfs:/tmp/put.txt').first()[0]\n"
        "dbutils.jobs.taskValues.set('key', 1); display(spark.range(1))\n"
    )
    assert shared.run(modules)["text"] == "text"
    again = "found['again'] = SparkSession.builder.getOrCreate().range(3).count()"
    stopped = (
        "spark.stop(); spark.stop()\n"
        "try: spark.range(2)\n"
        "except RuntimeError as error: found['stopped'] = str(error)\n"
    )
    first = shared.run(f"{stopped}{again}")
    assert first["stopped"].startswith("Cannot call methods on a stopped SparkContext")
    jvm = first["jvm"]
    assert shared.run(f"sc.stop(); {again}") == {"jvm": jvm, "again": 3, "error": None}
    assert "ZeroDivisionError" in shared.run("1 / 0", result="FAILED")["error"]

    cancelled, pid = shared.held(HANG)
    shared.api.jobs.cancel_run(cancelled)
    shared.found(cancelled, "CANCELED")
    killed, _ = shared.held(HANG)
    ended = [shared.api.jobs.get_run(run_id).tasks[0].run_id for run_id in (cancelled, killed)]
    for one in process.of(shared.api.attempt(ended[-1])):
        one.kill()
    assert "SIGKILL" in shared.found(killed, "FAILED")["error"]

    found = shared.run(
        "tracker = sc._jsc.sc().statusTracker()\n"
        "of_tag = lambda run: set(tracker.getJobIdsForTag(f'attached-{run}'))\n"
        "active = set(sc.statusTracker().getActiveJobsIds())\n"
        f"found['jobs'] = [[len(of_tag(n)), len(of_tag(n) & active)] for n in {ended}]"
    )
    end.touch()
    rows = shared.found(neighbour)
    assert found["jvm"] == rows["jvm"] == jvm == pid
    assert found["jobs"] == [[1, 0], [1, 0]]
    assert rows["rows"] == rows["right"] > 0


def test_streams_do_not_keep_others_waiting(shared: Clusters) -> None:
    stream = "spark.readStream.format('rate').load().writeStream.format('noop').start()"
    runs = [shared.held(stream)[0] for _ in range(3)]  # there are two slots
    assert shared.run("found['n'] = spark.range(4).count()")["n"] == 4
    for run_id in runs:
        shared.api.jobs.cancel_run(run_id)
        shared.found(run_id, "CANCELED")
    assert shared.run("found['streams'] = len(spark.streams.active)")["streams"] == 0


def test_sparks_ui_can_be_read_and_stops_nothing(shared: Clusters) -> None:
    shared.run("spark.range(5).count()")
    with urlopen(f"{shared.api.url}/sparkui/local/jobs/") as response:
        page = response.read().decode()
    assert "Spark Jobs" in page
    assert "/sparkui/local/stages/" in page
    assert "(kill)" not in page


def test_a_cluster_whose_jvm_dies_fails_its_runs_and_starts_again(shared: Clusters) -> None:
    runs = [shared.held(), shared.held()]
    (jvm,) = {pid for _, pid in runs}
    psutil.Process(jvm).kill()
    for run_id, _ in runs:
        error = shared.found(run_id, "FAILED")["error"]
        assert error == "Cluster local was terminated: Spark's JVM was ended by SIGKILL"
    assert shared.run()["jvm"] != jvm


def test_a_cluster_that_does_not_start_is_reported(shared: Clusters) -> None:
    cluster = new_cluster(spark_conf={"spark.driver.memory": "lots"})
    error = shared.run(new_cluster=cluster, result="FAILED")["error"]
    assert "was terminated: Spark's JVM ended with exit code 1" in error


@pytest.mark.slow
def test_job_clusters_differ_by_their_settings(start: Callable[..., Clusters]) -> None:
    clusters = start(DATABRICKS_SLOTS="1")
    ansi = "found['ansi'] = spark.conf.get('spark.sql.ansi.enabled')"
    older = clusters.run(ansi, new_cluster=new_cluster("15.4.x-photon-scala2.12"))
    newer = clusters.run(ansi, new_cluster=new_cluster("17.3.x-scala2.13"))
    assert (older["ansi"], newer["ansi"]) == ("false", "true")
    assert not lives(older["jvm"])  # one slot, so one cluster
    given = new_cluster("17.3.x-scala2.13", spark_env_vars={"A": "B"})
    other = clusters.run("found['a'] = __import__('os').environ['A']", new_cluster=given)
    assert other["a"] == "B"
    assert other["jvm"] != newer["jvm"]
    assert clusters.run(new_cluster=given)["jvm"] == other["jvm"]


@pytest.mark.slow
def test_a_client_creates_starts_and_ends_clusters(start: Callable[..., Clusters]) -> None:
    service = start()
    client = service.api.client.clusters
    made = client.create(
        "17.3.x-scala2.13", cluster_name="mine", spark_conf={"spark.x.y": "z"}
    ).result()
    assert (made.state.value, made.spark_version) == ("RUNNING", "17.3.x-scala2.13")
    look = "found['z'] = spark.conf.get('spark.x.y')"
    first = service.run(look, existing_cluster_id=made.cluster_id)
    assert first["z"] == "z"
    client.restart(made.cluster_id).result()
    second = service.run(look, existing_cluster_id=made.cluster_id)
    assert second["jvm"] != first["jvm"]
    client.delete(made.cluster_id).result()
    wait_for("its end", lambda: not lives(second["jvm"]), 10)
    # Another start of the service knows it, and a task starts it again.
    service.api.stop()
    service.api.start()
    assert {one.cluster_name for one in client.list()} == {"local", "mine"}
    assert service.run(look, existing_cluster_id=made.cluster_id)["z"] == "z"
    client.permanent_delete(made.cluster_id)
    assert [one.cluster_name for one in client.list()] == ["local"]


@pytest.mark.slow
def test_an_idle_cluster_ends(start: Callable[..., Clusters]) -> None:
    clusters = start(CLUSTER_IDLE_SECONDS="1")
    jvm = clusters.run()["jvm"]
    wait_for("its end", lambda: not lives(jvm), 20)
    client = clusters.api.client.clusters
    wait_for("its state", lambda: client.get("local").state.value == "TERMINATED", 10)
    assert client.get("local").state_message == "idle for 1 seconds"


@pytest.mark.slow
@pytest.mark.parametrize("how", ["SIGTERM", "kill -9"])
def test_clusters_end_with_the_service(start: Callable[..., Clusters], how: str) -> None:
    clusters = start()
    run_id, busy = clusters.held(HANG)
    (task,) = clusters.api.jobs.get_run(run_id).tasks
    folder = clusters.api.attempt(task.run_id)
    idle = clusters.run(new_cluster=new_cluster())["jvm"]
    if how == "SIGTERM":
        clusters.api.stop()
    else:
        clusters.api.kill()
    assert folder.exists()
    wait_for("their end", lambda: not (lives(busy) or lives(idle) or process.of(folder)), 20)


def test_a_shared_job_cluster_is_one_for_the_tasks_of_a_run(shared: Clusters) -> None:
    tell = "found['app'] = sc.applicationId"
    file = jobs.SparkPythonTask("/Workspace/run.py", [tell])
    job_id = shared.api.jobs.create(
        job_clusters=[jobs.JobCluster("both", new_cluster("16.4.x-scala2.12"))],
        tasks=[
            jobs.Task(key, job_cluster_key="both", spark_python_task=file) for key in ("a", "b")
        ],
    ).job_id
    run = shared.api.ended(shared.api.jobs.run_now(job_id).run_id, 120)
    logs = {shared.api.output(run, key).logs for key in ("a", "b")}
    assert len(logs) == 1
