"""A task that waits until every topic has an object of the run's interval.

Amazon's S3KeySensor cannot do this. When it is deferred with a check function, it lists only the
objects directly below the wildcard's folder, so it never sees those in ``partition=<n>/``. It also
sends a request for each object and takes a worker at each check (docs/decisions/0009-airflow.md).
"""

from collections.abc import Sequence
from typing import Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException


class WaitForObjects(BaseOperator):
    """Ends when each of ``prefixes`` has an object stored from ``since`` up to ``until``.

    Args:
        bucket: the bucket.
        prefixes: prefixes of folders ``partition=<n>/``, whose objects have keys that grow.
        since: ISO time.
        until: ISO time; if a prefix has no object by then, the task fails and isn't retried.
        interval: seconds between two checks, more than the 5 within which Airflow notices the end
            of a worker.
        aws_conn_id: the connection.
    """

    template_fields: Sequence[str] = ("bucket", "prefixes", "since", "until")
    ui_color = "#ff9900"

    def __init__(
        self,
        *,
        bucket: str,
        prefixes: Sequence[str],
        since: str,
        until: str,
        interval: float = 15,
        aws_conn_id: str = "aws_default",
        **more: Any,
    ) -> None:
        super().__init__(**more)
        self.bucket = bucket
        self.prefixes = list(prefixes)
        self.since = since
        self.until = until
        self.interval = interval
        self.aws_conn_id = aws_conn_id

    def execute(self, context: Any) -> None:
        """Check once, and defer to the triggerer if a prefix has no object yet."""
        from pinterest.objects_trigger import ObjectsTrigger  # brings boto3: half a second

        self.log.info("Looking for objects stored from %s to %s", self.since, self.until)
        trigger = ObjectsTrigger(
            self.bucket, self.prefixes, self.since, self.until, self.interval, self.aws_conn_id
        )
        if event := trigger.check(trigger.client()):
            self.execute_complete(context, event)
        else:
            self.defer(trigger=trigger, method_name="execute_complete")

    def execute_complete(self, context: Any, event: dict[str, Any]) -> None:
        """Succeed, or end without a retry: no more objects of that time will be stored.

        Raises:
            AirflowSkipException: no object was stored before ``until``: the interval is from before
                the first post, so none is missing.
            AirflowFailException: a prefix has no object from ``since`` to ``until``.
        """
        for prefix, key in event["found"].items():
            self.log.info("%s has %s", prefix, key)
        if not event["missing"]:
            return
        if not event["found"] and not event["earlier"]:
            raise AirflowSkipException(f"Nothing was stored before {self.until}")
        missing = ", ".join(f"s3://{self.bucket}/{prefix}" for prefix in event["missing"])
        raise AirflowFailException(
            f"No object was stored below {missing} from {self.since} to {self.until}: "
            "either nothing was posted, or a hop before S3 is down"
        )
