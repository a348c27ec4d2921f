"""Every day: wait for the day's objects, clean and merge them, check the tables, publish them.

Databricks runs the Spark jobs; this DAG sets their schedule, their parameters and the criteria of
success. A triggered run brings the newest posts into the tables; its form takes thresholds for that
run only. Runs are repeatable: the batch job reads every new object, whatever day it is from.
"""

import json
from typing import Any

from airflow.providers.databricks.operators.databricks import DatabricksSubmitRunOperator
from airflow.sdk import DAG, Asset, CronDataIntervalTimetable, Param, task

from pinterest.interval import interval
from pinterest.jobs import DAG_ARGUMENTS, submission
from pinterest.names import BUCKET, TABLES_URI, TOPIC_PREFIXES, USER_ID
from pinterest.objects import WaitForObjects

# Without a URI: to normalize one, Airflow imports boto3 at every parse.
TABLES = Asset(f"{USER_ID}_tables", extra={"uri": TABLES_URI})
SHARE = {"minimum": 0, "maximum": 1}
THRESHOLDS = {
    "row_counts": Param(
        None,
        title="Records without a row",
        description="At most this many records have no row, and rows no record. "
        "If empty, as each field below: the job's own threshold.",
        type=["null", "integer"],
        minimum=0,
    ),
    "quarantine_share": Param(
        None,
        title="Share of quarantined records",
        description="At most this share of an entity's records is in quarantine, 0 to 1.",
        type=["null", "number"],
        **SHARE,
    ),
    "null_share": Param(
        None,
        title="Shares of missing values",
        description='At most this share of a column is null, such as {"pin.follower_count": 0.3}.',
        type=["null", "object"],
        additionalProperties={"type": "number", **SHARE},
    ),
    "duplicate_keys": Param(
        None,
        title="Keys that occur twice",
        description="At most this many keys of a table are in more than one row.",
        type=["null", "integer"],
        minimum=0,
    ),
    "freshness": Param(
        None,
        title="Hours behind",
        description="The newest row was stored at most this long before the interval's end.",
        type=["null", "number"],
        exclusiveMinimum=0,
    ),
}


def thresholds(params: dict[str, Any]) -> str:
    """The form's thresholds as the job's JSON, with keys such as ``null_share.pin.title``."""
    given = {name: params[name] for name in THRESHOLDS if params[name] is not None}
    shares = given.pop("null_share", {})
    return json.dumps(given | {f"null_share.{column}": share for column, share in shares.items()})


@task(outlets=[TABLES])
def publish(*, ti: Any, dag_run: Any, outlet_events: Any) -> None:
    """Publish that the tables are checked up to the interval's end, with the runs that did it."""
    jobs = ("run_batch", "check_quality")
    outlet_events[TABLES].extra = {
        "until": interval(dag_run).end.isoformat(),
        "runs": {job: ti.xcom_pull(task_ids=job, key="run_id") for job in jobs},
        "pages": {job: ti.xcom_pull(task_ids=job, key="run_page_url") for job in jobs},
    }


with DAG(
    dag_id=f"{USER_ID}_dag",
    # In Airflow 3 "@daily" has no interval; this timetable has the day before as its interval.
    schedule=CronDataIntervalTimetable("0 0 * * *", timezone="UTC"),
    **DAG_ARGUMENTS,
    params=THRESHOLDS,
    user_defined_macros={"interval": interval, "thresholds": thresholds},
    tags=["pinterest", "batch"],
    doc_md=__doc__,
):
    wait_for_objects = WaitForObjects(
        task_id="wait_for_objects",
        bucket=BUCKET,
        prefixes=TOPIC_PREFIXES,
        since="{{ interval(dag_run).start.isoformat() }}",
        until="{{ interval(dag_run).closed.isoformat() }}",
    )
    run_batch = DatabricksSubmitRunOperator(**submission("run_batch"))
    check_quality = DatabricksSubmitRunOperator(
        **submission(
            "check_quality",
            until="{{ interval(dag_run).end.isoformat() }}",
            thresholds="{{ thresholds(params) }}",
        ),
        retries=0,  # a retry would check the same rows
    )
    wait_for_objects >> run_batch >> check_quality >> publish()
