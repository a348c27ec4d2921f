"""Every night: join the small files of the batch tables, and remove files that no reader needs.

The DAG is active from the start, so that a stack that stays up remains within bounds. The job runs
on Databricks while other jobs read and write the tables. How long it retains old files is a
property of each table.
"""

from airflow.providers.databricks.operators.databricks import DatabricksSubmitRunOperator
from airflow.sdk import DAG, CronTriggerTimetable

from pinterest.jobs import DAG_ARGUMENTS, submission
from pinterest.names import USER_ID

with DAG(
    dag_id=f"{USER_ID}_maintenance_dag",
    # The daily DAG starts at midnight and waits an hour for objects.
    schedule=CronTriggerTimetable("30 2 * * *", timezone="UTC"),
    is_paused_upon_creation=False,
    **DAG_ARGUMENTS,
    tags=["pinterest", "maintenance"],
    doc_md=__doc__,
):
    DatabricksSubmitRunOperator(**submission("maintain_tables"))
