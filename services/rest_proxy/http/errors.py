"""The error responses of the API.

    ApiError    the request fails; the error holds status and body of the response

Codes and messages are those of Confluent REST Proxy's API v2. A code of five digits is the
HTTP status and two more digits; a code of three digits is an error of the HTTP layer.
"""

from enum import IntEnum

from confluent_kafka import KafkaError, KafkaException

from contract.errors import PipelineError


class Code(IntEnum):
    """Error codes of five digits."""

    KAFKA_AUTHENTICATION = 40101
    KAFKA_AUTHORIZATION = 40301
    TOPIC_NOT_FOUND = 40401
    PARTITION_NOT_FOUND = 40402
    CONSUMER_NOT_FOUND = 40403
    CONSUMER_FORMAT = 40601
    CONSUMER_EXISTS = 40902
    ILLEGAL_STATE = 40903
    CONSUMER_CONFIGURATION = 42204
    KAFKA = 50002
    KAFKA_RETRIABLE = 50003
    QUEUE_FULL = 50302
    """Ours: Confluent's proxy blocks instead."""
    TOO_MANY_CONSUMERS = 50303
    """Ours: Confluent's proxy has no bound."""


MESSAGES = {
    400: "HTTP 400 Bad Request",
    403: "HTTP 403 Forbidden",
    404: "HTTP 404 Not Found",
    405: "HTTP 405 Method Not Allowed",
    406: "HTTP 406 Not Acceptable",
    408: "HTTP 408 Request Timeout",
    413: "HTTP 413 Request Entity Too Large",
    415: "HTTP 415 Unsupported Media Type",
    500: "Internal Server Error",
    503: "HTTP 503 Service Unavailable",
    Code.TOPIC_NOT_FOUND: "Topic not found.",
    Code.PARTITION_NOT_FOUND: "Partition not found.",
    Code.CONSUMER_NOT_FOUND: "Consumer instance not found.",
    Code.CONSUMER_FORMAT: (
        "The requested embedded data format does not match the deserializer for this consumer "
        "instance"
    ),
    Code.CONSUMER_EXISTS: (
        "Consumer with specified consumer ID already exists in the specified consumer group."
    ),
    Code.ILLEGAL_STATE: "Illegal state: ",
    Code.CONSUMER_CONFIGURATION: "Invalid consumer configuration: ",
    Code.KAFKA: "Kafka error: ",
    Code.KAFKA_RETRIABLE: "Retriable Kafka error: ",
    Code.QUEUE_FULL: "The queue of records for Kafka is full; try again later.",
    Code.TOO_MANY_CONSUMERS: "There are as many consumer instances as are allowed; delete one.",
}

_RETRIABLE = frozenset(
    {
        KafkaError._ALL_BROKERS_DOWN,
        KafkaError._FATAL,  # the producer is replaced, so the next attempt has a new one
        KafkaError._MSG_TIMED_OUT,
        KafkaError._PURGE_INFLIGHT,
        KafkaError._PURGE_QUEUE,
        KafkaError._QUEUE_FULL,
        KafkaError._RESOLVE,
        KafkaError._TIMED_OUT,
        KafkaError._TIMED_OUT_QUEUE,
        KafkaError._TRANSPORT,
        KafkaError._UNKNOWN_TOPIC,
        KafkaError._WAIT_COORD,
        KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
        KafkaError.COORDINATOR_NOT_AVAILABLE,
        KafkaError.ILLEGAL_GENERATION,
        KafkaError.KAFKA_STORAGE_ERROR,
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.NETWORK_EXCEPTION,
        KafkaError.NOT_COORDINATOR,
        KafkaError.NOT_ENOUGH_REPLICAS,
        KafkaError.NOT_ENOUGH_REPLICAS_AFTER_APPEND,
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.REBALANCE_IN_PROGRESS,
        KafkaError.REQUEST_TIMED_OUT,
        KafkaError.UNKNOWN_MEMBER_ID,
        KafkaError.UNKNOWN_TOPIC_OR_PART,
    }
)
_CODES = {
    KafkaError._AUTHENTICATION: Code.KAFKA_AUTHENTICATION,
    KafkaError.SASL_AUTHENTICATION_FAILED: Code.KAFKA_AUTHENTICATION,
    KafkaError.CLUSTER_AUTHORIZATION_FAILED: Code.KAFKA_AUTHORIZATION,
    KafkaError.GROUP_AUTHORIZATION_FAILED: Code.KAFKA_AUTHORIZATION,
    KafkaError.TOPIC_AUTHORIZATION_FAILED: Code.KAFKA_AUTHORIZATION,
    **dict.fromkeys(_RETRIABLE, Code.KAFKA_RETRIABLE),
}


def kafka_code(error: KafkaError) -> Code:
    """Return the code for ``error``, which shows a client whether a retry may help."""
    return _CODES.get(error.code(), Code.KAFKA)


class ApiError(PipelineError):
    """The request fails: ``status`` is the HTTP status, ``code`` and ``message`` are the body."""

    def __init__(
        self, code: int, detail: str = "", message: str = "", headers: dict[str, str] | None = None
    ) -> None:
        self.code = int(code)
        self.status = self.code if self.code < 1000 else self.code // 100
        self.message = message or MESSAGES.get(code, "") + detail
        self.headers = headers or ({"retry-after": "1"} if self.status == 503 else {})
        super().__init__(self.message)


def kafka_error(error: KafkaException) -> ApiError:
    """Return the response to a request that Kafka refused: status 500, as in Confluent's proxy."""
    reason: KafkaError = error.args[0]
    code = kafka_code(reason)
    if code in (Code.KAFKA, Code.KAFKA_RETRIABLE):
        return ApiError(code, reason.str())
    return ApiError(code, message=reason.str())
