from datetime import datetime, timedelta

from airflow import DAG
from airflow.providers.databricks.operators.databricks import DatabricksSubmitRunOperator

default_args = {
    "owner": "learner",
    "depends_on_past": False,
    "retries": 0,
    "retry_delay": timedelta(minutes=2),
}

countries = ["Albania", "Aruba", "Cuba", "Fiji", "Mali"]

with DAG(
    "0a1b2c3d4e5f_five_tasks",
    start_date=datetime(2024, 1, 1),
    schedule_interval="@daily",
    catchup=False,
    default_args=default_args,
) as dag:
    tasks = []
    for country in countries:
        notebook_task = {
            "notebook_path": "/Users/learner@example.com/count_country",
            "base_parameters": {"country": country},
        }
        tasks.append(
            DatabricksSubmitRunOperator(
                task_id="count_" + country.lower(),
                databricks_conn_id="databricks_default",
                existing_cluster_id="1108-162752-8okw8dgg",
                notebook_task=notebook_task,
            )
        )
    for i in range(1, len(tasks)):
        tasks[i - 1] >> tasks[i]
