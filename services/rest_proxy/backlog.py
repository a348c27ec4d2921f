"""Records that were fetched but did not fit into an answer: they wait here for the next one."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable

from confluent_kafka import KafkaError, KafkaException, Message

from services.rest_proxy.errors import ApiError
from services.rest_proxy.fetched import Place, offset_of, place_of, size_of, view
from services.rest_proxy.positions import Positions

_FATAL_READS = frozenset(
    {
        KafkaError._AUTHENTICATION,
        KafkaError._AUTO_OFFSET_RESET,
        KafkaError._FATAL,
        KafkaError.GROUP_AUTHORIZATION_FAILED,
        KafkaError.SASL_AUTHENTICATION_FAILED,
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
    }
)
"""Errors that end a read; the client library gets over the others by itself."""


class Backlog:
    """The fetched records of one consumer, in order."""

    def __init__(self, positions: Positions) -> None:
        self._positions = positions
        self._records: deque[Message] = deque()

    def __len__(self) -> int:
        return len(self._records)

    def clear(self) -> None:
        """Drop every record."""
        self._records.clear()

    def drop(self, places: Collection[Place]) -> None:
        """Drop the records of some partitions."""
        self._records = deque(record for record in self._records if place_of(record) not in places)

    def take(self, messages: Iterable[Message | None]) -> bool:
        """Put what was fetched with the records that wait; return whether any was a record.

        Raises:
            KafkaException: a message tells of an error that ends the read.
        """
        waiting = {place_of(record) for record in self._records}
        taken = False
        for message in messages:
            error = None if message is None else message.error()
            if error is not None and error.code() in _FATAL_READS:
                raise KafkaException(error)
            if message is not None and error is None:
                place = place_of(message)
                if place not in waiting:
                    waiting.add(place)
                    self._positions.move(place, offset_of(message))
                self._records.append(message)
                taken = True
        return taken

    def give(
        self, given: list[bytes], size: int, bound: int, mine: Collection[Place], embedded: str
    ) -> tuple[int, bool]:
        """Move records to ``given``, shown as JSON, while they fit.

        ``size`` bytes of keys and values are given already, ``bound`` may be; one record is given
        however large it is. Records of partitions other than ``mine`` are dropped: the group has
        given them to another instance meanwhile. ``embedded`` is the format of keys and values.

        Returns:
            The bytes moved, and whether the answer is full.

        Raises:
            ApiError: 50002, the first record is not JSON; it stays.
        """
        added = 0
        while self._records:
            record = self._records[0]
            place = place_of(record)
            if place in mine:
                length = size_of(record)
                if given and size + added + length > bound:
                    return added, True
                try:
                    given.append(view(record, embedded))
                except ApiError:
                    if given:
                        return added, True
                    raise
                added += length
                self._positions.move(place, offset_of(record) + 1)
            self._records.popleft()
        return added, size + added >= bound
