"""A task that waits until every topic has an object of the run's interval.

Amazon's S3KeySensor can't: deferred with a check of its own it looks for objects right below the
wildcard's folder, so it never sees those in ``partition=<n>/``, asks S3 for each object by itself,
and takes a worker at every look (docs/decisions/0009-airflow.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException


class WaitForObjects(BaseOperator):
    """Ends when an object stored from ``since`` up to ``until`` is below each of ``prefixes``.

    Args:
        bucket: the bucket.
        prefixes: prefixes of folders ``partition=<n>/``, whose objects have keys that grow.
        since: ISO time.
        until: ISO time; when it's over and a prefix has none, the task fails and isn't retried.
        interval: seconds between two looks, more than the 5 in which a worker's end is seen.
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
        **more: Any,
    ) -> None:
        super().__init__(**more)
        self.bucket = bucket
        self.prefixes = list(prefixes)
        self.since = since
        self.until = until
        self.interval = interval

    def execute(self, context: Any) -> None:
        """Look once, and hand over to the triggerer if there is something to wait for."""
        from pinterest.objects_trigger import ObjectsTrigger  # brings boto3: half a second

        self.log.info("Looking for objects stored from %s to %s", self.since, self.until)
        trigger = ObjectsTrigger(self.bucket, self.prefixes, self.since, self.until, self.interval)
        if told := trigger.look(trigger.client()):
            self.execute_complete(context, told)
        else:
            self.defer(trigger=trigger, method_name="execute_complete")

    def execute_complete(self, context: Any, event: dict[str, Any]) -> None:
        """Succeed, or end for good: what wasn't stored in that time never will be.

        Raises:
            AirflowSkipException: nothing was ever stored before the time was over, so nothing is
                missed: the day is from before the first post.
            AirflowFailException: a prefix has no object of the time.
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
