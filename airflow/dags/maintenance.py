"""Every hour: join the small files of the Delta tables, and remove files that no reader needs.

The job runs on Databricks while other jobs read and write the tables. How long it retains old
files is a property of each table.
"""

from airflow.providers.databricks.operators.databricks import DatabricksSubmitRunOperator
from airflow.sdk import DAG, CronTriggerTimetable

from pinterest.jobs import DAG_ARGUMENTS, submission
from pinterest.names import USER_ID

with DAG(
    dag_id=f"{USER_ID}_maintenance_dag",
    # Not on the hour: the daily DAG starts at midnight.
    schedule=CronTriggerTimetable("30 * * * *", timezone="UTC"),
    **DAG_ARGUMENTS,
    tags=["pinterest", "maintenance"],
    doc_md=__doc__,
):
    DatabricksSubmitRunOperator(**submission("maintain_tables"))
