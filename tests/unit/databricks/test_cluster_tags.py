"""What a task reads about its cluster."""

import json

from services.databricks.engine.cluster_tags import PREFIX, cluster_tags
from services.databricks.store.database import Attempt, Run


def tags(task: dict[str, str], cluster: dict[str, object]) -> dict[str, str]:
    """The settings of an attempt at a task of run 7 of job 5, without their prefix."""
    run = Run(run_id=7, job_id=5, name="daily", run_type="JOB_RUN", settings={})
    found = cluster_tags(Attempt(run=run, run_id=8, task=task), cluster, "16.4.x-scala2.12")
    return {name.removeprefix(PREFIX): value for name, value in found.items()}


def test_an_existing_cluster_has_its_id_and_the_default_runtime() -> None:
    found = tags({"existing_cluster_id": "1108-162752-8okw8dgg"}, {})
    assert found["clusterId"] == found["clusterName"] == "1108-162752-8okw8dgg"
    assert found["sparkVersion"] == "16.4.x-scala2.12"


def test_a_new_cluster_has_the_name_runtime_and_tags_of_its_body() -> None:
    cluster = {"spark_version": "17.3.x-scala2.13", "custom_tags": {"team": "pins"}}
    found = tags({}, cluster | {"cluster_name": "mine"})
    assert (found["clusterId"], found["clusterName"]) == ("job-5-run-7", "mine")
    assert found["sparkVersion"] == "17.3.x-scala2.13"
    all_tags = {item["key"]: item["value"] for item in json.loads(found["clusterAllTags"])}
    assert all_tags["team"] == "pins"
    assert (all_tags["JobId"], all_tags["RunName"]) == ("5", "daily")
