import pytest
from confluent_kafka import KafkaError, KafkaException

from services.rest_proxy.http.errors import MESSAGES, ApiError, Code, kafka_code, kafka_error


@pytest.mark.parametrize("code", list(MESSAGES))
def test_the_status_is_the_head_of_the_code(code: int) -> None:
    error = ApiError(code)

    assert error.status == int(str(int(code))[:3])
    assert error.message


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        (KafkaError._MSG_TIMED_OUT, Code.KAFKA_RETRIABLE),
        (KafkaError._TRANSPORT, Code.KAFKA_RETRIABLE),
        (KafkaError.NOT_ENOUGH_REPLICAS, Code.KAFKA_RETRIABLE),
        (KafkaError.MSG_SIZE_TOO_LARGE, Code.KAFKA),
        (KafkaError._UNKNOWN_PARTITION, Code.KAFKA),
        (KafkaError.TOPIC_AUTHORIZATION_FAILED, Code.KAFKA_AUTHORIZATION),
        (KafkaError._AUTHENTICATION, Code.KAFKA_AUTHENTICATION),
    ],
)
def test_the_code_of_a_kafka_error_shows_whether_a_retry_may_help(reason: int, code: Code) -> None:
    error = KafkaError(reason)

    assert kafka_code(error) == code
    answer = kafka_error(KafkaException(error))
    assert answer.code == code
    assert error.str() in answer.message
