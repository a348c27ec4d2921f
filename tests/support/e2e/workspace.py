"""The workspace of a deployment: runs its jobs once, for the user id of the run."""

from databricks.sdk import WorkspaceClient
from databricks.sdk.service import jobs

from tests.support.e2e.target import Target

ENDED = ("TERMINATED", "SKIPPED", "INTERNAL_ERROR")


class Workspace:
    """The Jobs API, called with Databricks' own client."""

    def __init__(self, target: Target) -> None:
        self._target = target
        deployed = target.deployed
        self._jobs = WorkspaceClient(
            host=deployed.databricks_host, token=deployed.databricks_token, auth_type="pat"
        ).jobs

    def task(self, job: str, key: str, *parameters: str) -> jobs.SubmitTask:
        """A task of a deployed job, with its file, cluster and libraries, for the run's user id.

        Args:
            job: its name in the bundle, without the deployment's user id.
            key: key of the task in that job.
            parameters: they replace the deployed task's.
        """
        name = f"{self._target.deployed.user_id} {job}"
        found = [item.job_id for item in self._jobs.list(name=name)]
        assert len(found) == 1, f"there are {len(found)} jobs {name!r}, not 1: deploy the bundle"
        settings = self._jobs.get(found[0]).settings
        (task,) = (item for item in settings.tasks if item.task_key == key)
        shared = {item.job_cluster_key: item.new_cluster for item in settings.job_clusters or []}
        cluster = shared.get(task.job_cluster_key) or task.new_cluster
        cluster.spark_env_vars = {**(cluster.spark_env_vars or {}), **self._target.own}
        return jobs.SubmitTask(
            task_key=key,
            spark_python_task=jobs.SparkPythonTask(
                task.spark_python_task.python_file, list(parameters)
            ),
            new_cluster=cluster,
            libraries=task.libraries,
        )

    def run(self, *tasks: jobs.SubmitTask, limit: float) -> None:
        """Run tasks at the same time; wait until all have succeeded, ``limit`` seconds at most."""
        name = f"{self._target.user_id} end to end"
        run_id = self._jobs.submit(run_name=name, tasks=list(tasks)).response.run_id

        def ended() -> jobs.Run | None:
            run = self._jobs.get_run(run_id)
            return run if run.state.life_cycle_state.value in ENDED else None

        try:
            run = self._target.wait(f"run {run_id} to end", ended, limit)
        except BaseException:
            # Otherwise it would write to its tables while they are removed.
            self._jobs.cancel_run(run_id)
            self._target.wait(f"run {run_id} to be cancelled", ended, 60)
            raise
        good = jobs.RunResultState.SUCCESS
        failed = [task for task in run.tasks if task.state.result_state is not good]
        assert not failed, f"{run.run_page_url}\n" + "\n".join(map(self._failure, failed))

    def _failure(self, task: jobs.RunTask) -> str:
        output = self._jobs.get_run_output(task.run_id)
        texts = [output.error, output.error_trace, output.logs]
        return f"{task.task_key}: " + "\n".join(filter(None, texts))
