"""The triggerer's part of ``objects``: looks into S3, and sleeps between two looks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from typing import Any

from airflow.providers.amazon.aws.hooks.s3 import S3Hook
from airflow.triggers.base import BaseTrigger, TriggerEvent


class ObjectsTrigger(BaseTrigger):
    """Fires when each prefix has an object of the time, or when the time is over.

    Its event has ``found``, the first such key by prefix, and ``missing``, the prefixes without.
    An error of S3 is raised: Airflow fails the task with it, and retries.
    """

    def __init__(
        self,
        bucket: str,
        prefixes: Sequence[str],
        since: str,
        until: str,
        interval: float,
        aws_conn_id: str,
    ) -> None:
        super().__init__()
        self.bucket, self.prefixes = bucket, list(prefixes)
        self.since, self.until = since, until
        self.interval, self.aws_conn_id = interval, aws_conn_id
        self._newest: dict[str, str] = {}

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """The way into the triggerer, through Airflow's database."""
        names = ("bucket", "prefixes", "since", "until", "interval", "aws_conn_id")
        return f"{__name__}.{type(self).__name__}", {name: getattr(self, name) for name in names}

    def hook(self) -> S3Hook:
        """The way to S3."""
        return S3Hook(aws_conn_id=self.aws_conn_id)

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look until there is something to say."""
        found: dict[str, str] = {}
        async with await self.hook().get_async_conn() as client:
            while True:
                left = (datetime.fromisoformat(self.until) - datetime.now(UTC)).total_seconds()
                for prefix in set(self.prefixes) - set(found):
                    if key := await self.look(client, prefix):
                        found[prefix] = key
                missing = [prefix for prefix in self.prefixes if prefix not in found]
                if not missing or left < 0:
                    yield TriggerEvent({"found": found, "missing": missing})
                    return
                self.log.info("Nothing yet below %s", ", ".join(missing))
                await asyncio.sleep(min(self.interval, max(left, 0.1)))

    async def look(self, client: Any, prefix: str) -> str | None:
        """Key of an object of the time.

        Keys in a partition grow with its offsets: each look starts after the last key of the one
        before, so that no object is listed twice.
        """
        since, until = datetime.fromisoformat(self.since), datetime.fromisoformat(self.until)
        listing = client.get_paginator("list_objects_v2")
        async for folders in listing.paginate(Bucket=self.bucket, Prefix=prefix, Delimiter="/"):
            for folder in (item["Prefix"] for item in folders.get("CommonPrefixes", ())):
                after = self._newest.get(folder, folder)
                async for page in listing.paginate(
                    Bucket=self.bucket, Prefix=folder, StartAfter=after
                ):
                    for item in page.get("Contents", ()):
                        self._newest[folder] = str(item["Key"])
                        if since <= item["LastModified"] < until:
                            return self._newest[folder]
        return None
