"""Looks into S3: once in a worker, then in the triggerer, which sleeps between two looks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from airflow.providers.amazon.aws.hooks.s3 import S3Hook
from airflow.triggers.base import BaseTrigger, TriggerEvent
from asgiref.sync import sync_to_async


class ObjectsTrigger(BaseTrigger):
    """Fires when each prefix has an object of the time, or when the time is over.

    An error of S3 is raised: Airflow fails the task with it, and retries.

    Args:
        seen: what former looks have seen: ``found``, a key of the time by prefix; ``newest``, the
            last key by folder; ``earlier``, whether there was an object from before the time.
    """

    def __init__(
        self,
        bucket: str,
        prefixes: Sequence[str],
        since: str,
        until: str,
        interval: float,
        seen: dict[str, Any] | None = None,
    ) -> None:
        super().__init__()
        self.bucket, self.prefixes = bucket, list(prefixes)
        self.since, self.until = since, until
        self.interval = interval
        self.seen = seen or {"found": {}, "newest": {}, "earlier": False}

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """The way into the triggerer, through Airflow's database."""
        names = ("bucket", "prefixes", "since", "until", "interval", "seen")
        return f"{__name__}.{type(self).__name__}", {name: getattr(self, name) for name in names}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look until there is something to say.

        It sleeps first, as the worker has just looked. And a trigger that fires before Airflow has
        seen the end of the worker makes its scheduler take the resumed task for a lost one.
        """
        client = await sync_to_async(self.client)()
        while True:
            await asyncio.sleep(self.interval)
            if told := await asyncio.to_thread(self.look, client):
                yield TriggerEvent(told)
                return

    def client(self) -> Any:
        """The way to S3."""
        return S3Hook(aws_conn_id="aws_default").get_conn()

    def look(self, client: Any) -> dict[str, Any] | None:
        """What has been seen, with the ``missing`` prefixes; None while they may still come."""
        over = datetime.now(UTC) >= datetime.fromisoformat(self.until)
        for prefix in self.prefixes:
            if prefix not in self.seen["found"] and (key := self._arrived(client, prefix)):
                self.seen["found"][prefix] = key
        missing = [prefix for prefix in self.prefixes if prefix not in self.seen["found"]]
        if missing and not over:
            self.log.info("Nothing yet below %s", ", ".join(missing))
            return None
        return {**self.seen, "missing": missing}

    def _arrived(self, client: Any, prefix: str) -> str | None:
        """Key of an object of the time."""
        since, until = datetime.fromisoformat(self.since), datetime.fromisoformat(self.until)
        for item in self._unseen(client, prefix):
            if since <= item["LastModified"] < until:
                return str(item["Key"])
            self.seen["earlier"] |= item["LastModified"] < since
        return None

    def _unseen(self, client: Any, prefix: str) -> Iterator[Any]:
        """Objects that no look has listed: keys in a partition grow with its offsets."""
        listing, newest = client.get_paginator("list_objects_v2"), self.seen["newest"]
        for folders in listing.paginate(Bucket=self.bucket, Prefix=prefix, Delimiter="/"):
            for folder in (item["Prefix"] for item in folders.get("CommonPrefixes", ())):
                after = newest.get(folder, folder)
                for page in listing.paginate(Bucket=self.bucket, Prefix=folder, StartAfter=after):
                    for item in page.get("Contents", ()):
                        newest[folder] = item["Key"]
                        yield item
