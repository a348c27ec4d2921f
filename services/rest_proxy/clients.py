"""The Kafka clients of the process, which all handlers share, and their health."""

import asyncio

from contract.settings import Settings
from services.rest_proxy.consume.consumers import Consumers
from services.rest_proxy.metadata.metadata import Metadata
from services.rest_proxy.produce.producer import RecordProducer

STOP = 10.0
"""Seconds that a stop waits for queued records, and for consumers that leave their groups."""


class Clients:
    """Metadata, producer and consumers. Created and used in the event loop's thread."""

    def __init__(self, settings: Settings) -> None:
        self.metadata = Metadata(settings)
        self.producer = RecordProducer(settings, self.metadata.forget)
        self.consumers = Consumers(settings, self.metadata)
        self.send_timeout = settings.rest_proxy_message_timeout_ms / 1000
        """Seconds that a produce request waits for the metadata of its topic."""
        self._check: asyncio.Task[tuple[bool, str]] | None = None

    async def close(self) -> None:
        """Deliver the queued records, leave every group, then close the metadata client."""
        await asyncio.gather(self.producer.close(STOP), self.consumers.close(STOP))
        self.metadata.close()

    async def health(self, timeout: float = 2.0) -> tuple[bool, str]:
        """Return whether Kafka answers within ``timeout`` seconds, and the reason.

        Concurrent callers share one request.
        """
        if self._check is None:
            self._check = asyncio.create_task(self.metadata.check(timeout))
        check = self._check
        try:
            return await asyncio.shield(check)
        finally:
            if self._check is check:
                self._check = None
