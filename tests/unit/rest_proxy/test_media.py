import pytest

from contract.wire import KAFKA_BINARY, KAFKA_JSON, KAFKA_V2
from services.rest_proxy.http.errors import ApiError
from services.rest_proxy.http.media import RECORD_TYPES, media_type, negotiate


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        ("", KAFKA_V2),
        ("*/*", KAFKA_V2),
        ("application/*", KAFKA_V2),
        (KAFKA_JSON, KAFKA_JSON),
        ("application/vnd.kafka+json", "application/vnd.kafka+json"),
        ("application/json, */*;q=0.1", KAFKA_V2),
        (f"{KAFKA_V2};q=0.5, {KAFKA_BINARY};q=0.9", KAFKA_BINARY),
        (f"{KAFKA_V2};q=0, */*", KAFKA_JSON),
        ("APPLICATION/VND.KAFKA.V2+JSON", KAFKA_V2),
    ],
)
def test_the_type_with_the_highest_quality_is_chosen(accept: str, chosen: str) -> None:
    assert negotiate(accept) == chosen


@pytest.mark.parametrize(
    "accept", ["application/json", "text/*", f"{KAFKA_V2};q=0", "*/*;q=none", "nonsense"]
)
def test_a_type_that_is_not_offered_is_406(accept: str) -> None:
    with pytest.raises(ApiError) as raised:
        negotiate(accept)
    assert raised.value.status == 406


def test_records_are_binary_unless_a_format_is_named() -> None:
    assert negotiate("*/*", RECORD_TYPES) == KAFKA_BINARY
    assert negotiate(KAFKA_JSON, RECORD_TYPES) == KAFKA_JSON


def test_a_media_type_has_no_parameters_and_no_capitals() -> None:
    assert media_type(f" {KAFKA_JSON.upper()} ; charset=utf-8") == KAFKA_JSON
