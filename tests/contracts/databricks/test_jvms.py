"""The JVM of a task that has succeeded serves the next one; no other JVM outlives its task."""

from collections.abc import Callable
from typing import Any

import psutil
import pytest
from databricks.sdk.service import jobs
from databricks.sdk.service.compute import ClusterSpec

from tests.support.databricks import JobsApi, lives, python, results
from tests.support.waiting import wait_for

FILES = {
    # No session, which takes seconds; the JVM is the real one all the same.
    "pid.py": (
        "import sys\n"
        "from pyspark.java_gateway import launch_gateway\n"
        "jvm = launch_gateway().jvm\n"
        "jvm.System.err.println('from the JVM, ' + sys.argv[1])\n"
        "print('jvm', jvm.ProcessHandle.current().pid(), flush=True)\n"
        "exec(sys.argv[2])\n"
    ),
    "session.py": (
        "import sys\n"
        "from pyspark.sql import SparkSession\n"
        "spark = SparkSession.builder.getOrCreate()\n"
        "print('application', spark.sparkContext.applicationId)\n"
        "print('views', [table.name for table in spark.catalog.listTables()])\n"
        "print('setting', spark.conf.get('spark.sql.shuffle.partitions'))\n"
        "print('ansi', spark.conf.get('spark.sql.ansi.enabled'))\n"
        "path = sys.argv[1]\n"
        "spark.range(int(sys.argv[2])).write.format('delta').mode('overwrite').save(path)\n"
        "print('rows', spark.read.format('delta').load(path).count())\n"
        "spark.range(3).createOrReplaceTempView('mine')\n"
        "spark.conf.set('spark.sql.shuffle.partitions', 7)\n"
        "print('jvm', spark._jvm.ProcessHandle.current().pid(), flush=True)\n"
    ),
    "stream.py": (
        "import sys, time\n"
        "from pyspark.sql import SparkSession\n"
        "spark = SparkSession.builder.getOrCreate()\n"
        "rows = spark.readStream.format('rate').load()\n"
        "rows = rows.selectExpr(\"raise_error('no such post') AS x\")\n"
        "writer = rows.writeStream.format('noop').queryName('posts')\n"
        "query = writer.option('checkpointLocation', sys.argv[1]).start()\n"
        "while query.isActive: time.sleep(0.02)\n"
    ),
}
HOLD = "import time; time.sleep(600)"


class Warm:
    """A Jobs API whose JVMs wait, and what its tasks print."""

    def __init__(self, api: JobsApi) -> None:
        self.api = api
        for name, text in FILES.items():
            (api.workspace / name).write_text(text)

    def logs(self, run: jobs.Run) -> str:
        """What a run of one task has printed."""
        return self.api.output(run, "a").logs or ""

    def pid(self, code: str = "", result: str = "SUCCESS", **more: Any) -> int:
        """The JVM of a run that runs ``code`` and ends with ``result``."""
        run_id = self.api.submit(python("a", "pid.py", "as printed", code, **more))
        run = self.api.ended(run_id)
        logs = self.logs(run)
        assert results(run) == {"a": result}, logs
        assert "from the JVM, as printed" in logs
        return self.named_pid(logs)

    def held(self) -> tuple[int, int]:
        """A run whose task doesn't end, and its JVM."""
        run_id = self.api.submit(python("a", "pid.py", "", HOLD))
        attempt = self.api.jobs.get_run(run_id).tasks[0].run_id
        log = self.api.attempt(attempt) / "log"
        wait_for("the JVM", lambda: log.exists() and "jvm " in log.read_text(), 30)
        return run_id, self.named_pid(log.read_text())

    @staticmethod
    def named_pid(logs: str) -> int:
        """The JVM that a task names."""
        return int(logs.split("jvm ")[-1].split()[0])


@pytest.fixture
def start(start_api: Callable[..., JobsApi]) -> Callable[..., Warm]:
    """Start a service whose JVMs wait for a minute."""

    def started(**settings: str) -> Warm:
        return Warm(
            start_api(**{"DATABRICKS_IDLE_SECONDS": "60", "DATABRICKS_SLOTS": "2", **settings})
        )

    return started


def test_it_serves_the_next_task_and_none_after_a_failure(start: Callable[..., Warm]) -> None:
    warm = start()
    first = warm.pid()
    assert warm.pid() == first
    assert warm.pid("1 / 0", result="FAILED") == first
    wait_for("its end", lambda: not lives(first), 10)
    assert warm.pid() != first


@pytest.mark.slow
def test_another_cluster_is_another_jvm_and_slots_are_the_most(start: Callable[..., Warm]) -> None:
    warm = start(DATABRICKS_SLOTS="1")

    def cluster(**more: Any) -> ClusterSpec:
        return ClusterSpec(spark_version="18.x-scala2.13", num_workers=0, **more)

    plain = warm.pid(new_cluster=cluster())
    other = warm.pid(new_cluster=cluster(spark_conf={"spark.driver.memory": "1g"}))
    assert plain != other
    assert not lives(plain)
    third = warm.pid(new_cluster=cluster(spark_env_vars={"A": "B"}))
    assert third not in (plain, other)
    assert not lives(other)
    assert warm.pid(new_cluster=cluster(spark_env_vars={"A": "B"})) == third


def test_it_goes_with_a_cancelled_task(start: Callable[..., Warm]) -> None:
    warm = start()
    run_id, pid = warm.held()
    warm.api.jobs.cancel_run(run_id)
    assert results(warm.api.ended(run_id)) == {"a": "CANCELED"}
    assert not lives(pid)


@pytest.mark.slow
def test_it_waits_no_longer_than_it_is_to(start: Callable[..., Warm]) -> None:
    warm = start(DATABRICKS_IDLE_SECONDS="1")
    pid = warm.pid()
    wait_for("its end", lambda: not lives(pid), 10)
    folders = warm.api.data / "tasks" / "jvms"
    wait_for("its folder to be gone", lambda: not list(folders.glob("*")), 10)


@pytest.mark.slow
def test_one_that_was_killed_while_it_waited_is_not_handed_out(start: Callable[..., Warm]) -> None:
    warm = start()
    pid = warm.pid()
    psutil.Process(pid).kill()
    # Its first thread is seen to have ended before the others have.
    wait_for("its end", lambda: not psutil.pid_exists(pid), 10)
    assert warm.pid() != pid


@pytest.mark.slow
@pytest.mark.parametrize("how", ["SIGTERM", "kill -9"])
def test_it_ends_with_the_service(start: Callable[..., Warm], how: str) -> None:
    warm = start()
    waiting = warm.pid()
    # Taken by this one, so another task has a JVM of its own.
    _, serving = warm.held()
    another = warm.pid()
    assert serving == waiting != another
    if how == "SIGTERM":
        warm.api.stop()
    else:
        warm.api.kill()
    wait_for("their end", lambda: not lives(serving) and not lives(another), 20)
    if how == "kill -9":
        warm.api.start()  # ends the Python of the task


def test_a_jvm_that_does_not_start_is_reported(start: Callable[..., Warm]) -> None:
    warm = start()
    cluster = ClusterSpec(
        spark_version="18.x-scala2.13", num_workers=0, spark_conf={"spark.driver.memory": "lots"}
    )
    run_id = warm.api.submit(python("a", "pid.py", "", "", new_cluster=cluster))
    output = warm.api.output(warm.api.ended(run_id), "a")
    assert "JVM ended with exit code 1" in (output.error or "")
    assert "lots" in (output.error_trace or "")


@pytest.mark.slow
def test_a_session_leaves_nothing_to_the_next_task(start: Callable[..., Warm]) -> None:
    warm = start()
    table = str(warm.api.workspace / "table")
    file = jobs.SparkPythonTask("/Workspace/session.py", [table, "5"])
    older = ClusterSpec(spark_version="15.4.x-photon-scala2.12", num_workers=0)
    job_id = warm.api.jobs.create(
        job_clusters=[jobs.JobCluster("shared", older)],
        tasks=[jobs.Task("a", job_cluster_key="shared", spark_python_task=file)],
    ).job_id
    newer = ClusterSpec(spark_version="17.3.x-scala2.13", num_workers=0)
    tasks = (
        python("a", "session.py", table, "9", new_cluster=newer),
        python("a", "session.py", table, "7", existing_cluster_id="1108-162752-8okw8dgg"),
    )
    runs = [warm.api.ended(warm.api.jobs.run_now(job_id).run_id, 60)]
    runs += [warm.api.ended(warm.api.submit(task), 60) for task in tasks]
    outputs = [
        dict(line.split(" ", 1) for line in log.splitlines() if " " in line)
        for log in map(warm.logs, runs)
    ]
    assert len({found["jvm"] for found in outputs}) == 1
    assert len({found["application"] for found in outputs}) == 3
    assert [found["rows"] for found in outputs] == ["5", "9", "7"]
    assert {found["views"] for found in outputs} == {"[]"}
    assert {found["setting"] for found in outputs} == {"2"}
    # The runtime of its cluster decides, not that of the task before.
    assert [found["ansi"] for found in outputs] == ["false", "true", "false"]

    # A query that failed while the file went on fails its task, which takes the JVM with it.
    run = warm.api.ended(warm.api.submit(python("a", "stream.py", f"{table}-checkpoint")), 60)
    failed = "query posts failed: [USER_RAISED_EXCEPTION] no such post"
    assert results(run) == {"a": "FAILED"}
    assert (warm.api.output(run, "a").error or "").startswith(f"StreamingQueryFailed: {failed}")
    assert failed in run.state.state_message
    wait_for("the end of the JVM", lambda: not lives(int(outputs[0]["jvm"])), 10)
