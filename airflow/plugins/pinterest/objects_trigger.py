"""Checks S3: once in a worker, then in the triggerer, which sleeps between two checks."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from airflow.providers.amazon.aws.hooks.s3 import S3Hook
from airflow.triggers.base import BaseTrigger, TriggerEvent
from asgiref.sync import sync_to_async


class ObjectsTrigger(BaseTrigger):
    """Fires when each prefix has an object stored from ``since`` to ``until``, or after ``until``.

    An error of S3 is raised: Airflow fails the task with it, and retries.

    Args:
        seen: result of the checks so far: ``found``, the key of such an object by prefix;
            ``newest``, the last key by folder; ``earlier``, whether an object is older.
    """

    def __init__(
        self,
        bucket: str,
        prefixes: Sequence[str],
        since: str,
        until: str,
        interval: float,
        aws_conn_id: str = "aws_default",
        seen: dict[str, Any] | None = None,
    ) -> None:
        super().__init__()
        self.bucket, self.prefixes = bucket, list(prefixes)
        self.since, self.until = since, until
        self.interval, self.aws_conn_id = interval, aws_conn_id
        self.seen = seen or {"found": {}, "newest": {}, "earlier": False}

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """The form in which Airflow's database hands the trigger to the triggerer."""
        names = ("bucket", "prefixes", "since", "until", "interval", "aws_conn_id", "seen")
        return f"{__name__}.{type(self).__name__}", {name: getattr(self, name) for name in names}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Check until the wait is over.

        The trigger sleeps first, as the worker has just checked. Besides, when a trigger fires
        before Airflow has noticed the end of the worker, its scheduler takes the resumed task for a
        lost one.
        """
        client = await sync_to_async(self.client)()
        while True:
            await asyncio.sleep(self.interval)
            if event := await asyncio.to_thread(self.check, client):
                yield TriggerEvent(event)
                return

    def client(self) -> Any:
        """A client of S3."""
        return S3Hook(aws_conn_id=self.aws_conn_id).get_conn()

    def check(self, client: Any) -> dict[str, Any] | None:
        """``seen`` with the ``missing`` prefixes; None while objects may still be stored."""
        over = datetime.now(UTC) >= datetime.fromisoformat(self.until)
        for prefix in self.prefixes:
            if prefix not in self.seen["found"] and (key := self._stored_key(client, prefix)):
                self.seen["found"][prefix] = key
        missing = [prefix for prefix in self.prefixes if prefix not in self.seen["found"]]
        if missing and not over:
            self.log.info("Nothing yet below %s", ", ".join(missing))
            return None
        return {**self.seen, "missing": missing}

    def _stored_key(self, client: Any, prefix: str) -> str | None:
        """Key of an object that was stored from ``since`` to ``until``."""
        since, until = datetime.fromisoformat(self.since), datetime.fromisoformat(self.until)
        for item in self._unseen(client, prefix):
            if since <= item["LastModified"] < until:
                return str(item["Key"])
            self.seen["earlier"] |= item["LastModified"] < since
        return None

    def _unseen(self, client: Any, prefix: str) -> Iterator[Any]:
        """Objects that no check has listed yet: keys in a partition grow with its offsets."""
        listing, newest = client.get_paginator("list_objects_v2"), self.seen["newest"]
        for folders in listing.paginate(Bucket=self.bucket, Prefix=prefix, Delimiter="/"):
            for folder in (item["Prefix"] for item in folders.get("CommonPrefixes", ())):
                after = newest.get(folder, folder)
                for page in listing.paginate(Bucket=self.bucket, Prefix=folder, StartAfter=after):
                    for item in page.get("Contents", ()):
                        newest[folder] = item["Key"]
                        yield item
