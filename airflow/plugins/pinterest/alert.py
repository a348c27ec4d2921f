"""Reports a task that has failed for good: an object in the bucket, and a line in the log.

Airflow may call a callback twice, and a callback that raises hides why the task has failed. So the
object is written once, under the name of the try, and every error of this module is logged.
"""

import json
import logging
from typing import Any

from pinterest.names import ALERTS_PREFIX, BUCKET

log = logging.getLogger(__name__)

SECONDS = 5
"""Seconds that S3 may take to respond: a failed task occupies its worker no longer."""


def alert(context: Any) -> None:
    """``on_failure_callback`` of every task."""
    try:
        task = context["ti"]
        entry = {
            "dag": task.dag_id,
            "run": task.run_id,
            "task": task.task_id,
            "try": task.try_number,
            "error": str(context.get("exception") or context.get("reason") or "unknown"),
        }
        body = json.dumps(entry, ensure_ascii=False)
        log.error("ALERT %s", body)
        key = f"{ALERTS_PREFIX}{entry['dag']}/{entry['run']}/{entry['task']}/{entry['try']}.json"
        log.info("s3://%s/%s %s", BUCKET, key, "written" if _write(key, body) else "already exists")
    except Exception:
        log.exception("The alert could not be written")


def _write(key: str, body: str) -> bool:
    """Write an object unless it exists; return whether it was written."""
    # Not at the top: every parse of the DAG would import boto3.
    from airflow.providers.amazon.aws.hooks.s3 import S3Hook
    from botocore.config import Config
    from botocore.exceptions import ClientError

    bounds = Config(
        connect_timeout=SECONDS, read_timeout=SECONDS, retries={"total_max_attempts": 2}
    )
    client = S3Hook(aws_conn_id="aws_default", config=bounds).get_conn()
    try:
        client.put_object(
            Bucket=BUCKET,
            Key=key,
            Body=body.encode(),
            ContentType="application/json",
            IfNoneMatch="*",
        )
    except ClientError as error:
        if error.response["Error"]["Code"] in ("PreconditionFailed", "ConditionalRequestConflict"):
            return False
        raise
    return True
