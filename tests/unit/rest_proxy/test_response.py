"""The response that is built as text equals the one that is built of objects, in every case."""

import pytest
from confluent_kafka import KafkaError

from services.kafka_client.login import LoginError
from services.rest_proxy.http.errors import Code
from services.rest_proxy.produce.producer import (
    RecordResponse,
    body_of_positions,
    body_of_records,
    failed_response,
)

REFUSED = RecordResponse(error_code=50002, error='a "quoted" reason')


CASES: dict[
    str, tuple[list[int | None], list[int | None], dict[int, RecordResponse], list[RecordResponse]]
] = {
    "one": ([0], [0], {}, [RecordResponse(0, 0)]),
    "the largest offset": ([7], [2**63 - 2], {}, [RecordResponse(7, 2**63 - 2)]),
    "one partition": (
        [2, 2, 2],
        [11, 12, 13],
        {},
        [RecordResponse(2, 11), RecordResponse(2, 12), RecordResponse(2, 13)],
    ),
    "with gaps": (
        [2, 2, 2],
        [13, 9, 11],
        {},
        [RecordResponse(2, 13), RecordResponse(2, 9), RecordResponse(2, 11)],
    ),
    "two partitions": (
        [0, 1, 0],
        [5, 5, 6],
        {},
        [RecordResponse(0, 5), RecordResponse(1, 5), RecordResponse(0, 6)],
    ),
    "one failed": (
        [0, 0, 0],
        [5, None, 6],
        {1: REFUSED},
        [RecordResponse(0, 5), REFUSED, RecordResponse(0, 6)],
    ),
    "all failed": ([-1, -1], [None, None], {0: REFUSED, 1: REFUSED}, [REFUSED] * 2),
    "no partition": ([None], [None], {0: REFUSED}, [REFUSED]),
    "stored, offset unknown": (
        [0, 0],
        [5, None],
        {},
        [RecordResponse(0, 5), RecordResponse(0, None)],
    ),
}


@pytest.mark.parametrize(
    ("partitions", "offsets", "failed", "records"), CASES.values(), ids=list(CASES)
)
def test_both_ways_give_the_same_response(
    partitions: list[int | None],
    offsets: list[int | None],
    failed: dict[int, RecordResponse],
    records: list[RecordResponse],
) -> None:
    assert body_of_positions(partitions, offsets, failed) == body_of_records(records)


def test_the_text_of_a_response() -> None:
    assert body_of_positions([3, 3], [8, 9], {}) == (
        b'{"offsets":[{"partition":3,"offset":8,"error_code":null,"error":null},'
        b'{"partition":3,"offset":9,"error_code":null,"error":null}],'
        b'"key_schema_id":null,"value_schema_id":null}'
    )


@pytest.mark.parametrize(
    ("error", "refused", "code", "reason"),
    [
        (KafkaError._MSG_TIMED_OUT, None, Code.KAFKA_RETRIABLE, "timed out"),
        (KafkaError._QUEUE_FULL, None, Code.KAFKA_RETRIABLE, "queue full"),
        (KafkaError._MSG_TIMED_OUT, LoginError("wrong key"), Code.KAFKA_RETRIABLE, "wrong key"),
        (KafkaError.MSG_SIZE_TOO_LARGE, LoginError("wrong key"), Code.KAFKA, "too large"),
    ],
)
def test_a_failed_record_has_a_reason(
    error: int, refused: LoginError | None, code: Code, reason: str
) -> None:
    record = failed_response(KafkaError(error), refused)

    assert (record.partition, record.offset, record.error_code) == (None, None, code)
    assert record.error is not None
    assert reason in record.error.lower()
