"""The stored bytes of produced records, and the errors of records that cannot be stored."""

import base64
import http.client
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from confluent_kafka import Consumer, Message, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewPartitions

from contract.wire import KAFKA_BINARY, KAFKA_JSON
from tests.support.rest_proxy import BROKER, Proxy, create_topic
from tests.support.waiting import wait_for


def stored(topic: str, count: int, partition: int = 0) -> list[tuple[bytes | None, bytes | None]]:
    """Return keys and values of the first ``count`` records of a partition."""
    consumer = Consumer({"bootstrap.servers": BROKER, "group.id": "stored"})
    consumer.assign([TopicPartition(topic, partition, 0)])
    found: list[Message] = []
    try:
        wait_for(
            f"{count} records in {topic}",
            lambda: found.extend(consumer.consume(count, 0.1)) or len(found) >= count,
        )
    finally:
        consumer.close()
    return [(message.key(), message.value()) for message in found]


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (b'{"b": 1, "a" : [1, 2]}', b'{"b":1,"a":[1,2]}'),
        (rb'"caf\u00e9 \ud83d\ude00 \/"', '"café 😀 /"'.encode()),
        ('"é\u00a0…"'.encode(), '"é\u00a0…"'.encode()),
        (b"9223372036854775808", b"9223372036854775808"),
        (b"123456789012345678901234567890", b"123456789012345678901234567890"),
        (b"-9223372036854775809", b"-9223372036854775809"),
        (b'{"n":18446744073709551616,"x":[1.50]}', b'{"n":18446744073709551616,"x":[1.50]}'),
        (b"[" * 300 + b"1.50" + b"]" * 300, b"[" * 300 + b"1.50" + b"]" * 300),
        (b"1e400", b"1e400"),
        (b"1.10", b"1.10"),
        (b"0.1234567890123456789012345", b"0.1234567890123456789012345"),
        (b'{"x":1.0,"y":1E5}', b'{"x":1.0,"y":1E5}'),
        (b'{"a":1,"a":2}', b'{"a":2}'),
        (rb'"\u0000\n\""', rb'"\u0000\n\""'),
        (b'""', b'""'),
        (b"false", b"false"),
        (b"null", None),
    ],
)
def test_json_is_stored_compact_in_utf8_with_its_numbers(
    proxy: Proxy, topic: str, sent: bytes, expected: bytes | None
) -> None:
    response = proxy.call(
        "POST",
        f"/topics/{topic}",
        b'{"records":[{"value":' + sent + b',"key":' + sent + b"}]}",
        {"Content-Type": KAFKA_JSON},
    )

    assert response.status == 200
    assert stored(topic, 1) == [(expected, expected)]


def test_a_missing_key_is_null_and_a_null_value_a_tombstone(proxy: Proxy, topic: str) -> None:
    proxy.produce(topic, {"value": 1}, {"key": None, "value": None}, {"key": "k", "value": None})

    assert stored(topic, 3) == [(None, b"1"), (None, None), (b'"k"', None)]


def test_binary_is_stored_as_it_is(proxy: Proxy, topic: str) -> None:
    content = bytes(range(256))
    text = base64.b64encode(content).decode()
    records = [{"key": text, "value": text}, {"value": ""}, {"key": text, "value": None}]

    assert proxy.produce(topic, *records, media=KAFKA_BINARY).status == 200
    assert stored(topic, 3) == [(content, content), (None, b""), (content, None)]


def test_results_are_in_the_order_of_the_records(proxy: Proxy, wide_topic: str) -> None:
    records = [{"value": n, "key": n if n % 3 else None} for n in range(300)]
    records += [{"value": n, "partition": n % 3} for n in range(300, 600)]

    results = proxy.produce(wide_topic, *records).json["offsets"]

    values = {
        (partition, offset): value
        for partition in range(3)
        for offset, (_, value) in enumerate(
            stored(wide_topic, sum(each["partition"] == partition for each in results), partition)
        )
    }
    for number, result in enumerate(results):
        assert values[result["partition"], result["offset"]] == str(number).encode()
    assert [result["partition"] for result in results[300:]] == [n % 3 for n in range(300, 600)]


def test_order_within_a_partition_is_that_of_the_request(proxy: Proxy, topic: str) -> None:
    records = [{"value": n, **({"key": n} if n % 2 else {})} for n in range(100)]

    results = proxy.produce(topic, *records).json["offsets"]

    assert [result["offset"] for result in results] == list(range(100))


def test_a_key_gets_the_partition_of_kafkas_java_producer(proxy: Proxy, wide_topic: str) -> None:
    # Keys and their murmur2 hashes, from UtilsTest of Kafka's Java client.
    hashes = {
        b"21": -973932308,
        b"foobar": -790332482,
        b"a-little-bit-long-string": -985981536,
        b"a-little-bit-longer-string": -1486304829,
        b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
        b"abc": 479470107,
    }
    records = [{"key": base64.b64encode(key).decode(), "value": ""} for key in hashes]

    results = proxy.produce(wide_topic, *records, media=KAFKA_BINARY).json["offsets"]

    expected = [(number & 0x7FFFFFFF) % 3 for number in hashes.values()]
    assert [result["partition"] for result in results] == expected


def test_records_without_a_key_use_every_partition(proxy: Proxy, wide_topic: str) -> None:
    used = {
        proxy.produce(wide_topic, {"value": n}).json["offsets"][0]["partition"] for n in range(3)
    }

    assert used == {0, 1, 2}


def test_only_the_records_that_fail_carry_an_error(proxy: Proxy, topic: str) -> None:
    too_large = "x" * 1_100_000

    response = proxy.produce(
        topic, {"value": 1}, {"value": too_large}, {"value": 2, "partition": 9}, {"value": 3}
    )

    assert response.status == 200
    first, large, elsewhere, last = response.json["offsets"]
    assert (first["offset"], last["offset"]) == (0, 1)
    assert (large["error_code"], large["partition"], large["offset"]) == (50002, None, None)
    assert "too large" in large["error"].lower()
    assert (elsewhere["error_code"], elsewhere["offset"]) == (50002, None)


def test_a_record_of_nearly_a_megabyte_is_stored(proxy: Proxy, topic: str) -> None:
    assert proxy.produce(topic, {"value": "x" * 900_000}).json["offsets"][0]["offset"] == 0


def test_new_grown_and_deleted_topics_are_noticed(proxy: Proxy) -> None:
    admin = AdminClient({"bootstrap.servers": BROKER})
    assert proxy.produce("comes", {"value": 1}).json["error_code"] == 40401

    create_topic("comes")
    assert proxy.produce("comes", {"value": 1}).json["offsets"][0]["offset"] == 0
    assert proxy.call("GET", "/topics/comes/partitions/1").json["error_code"] == 40402

    admin.create_partitions([NewPartitions("comes", 2)])["comes"].result(10)
    wait_for("partition 1", lambda: proxy.call("GET", "/topics/comes/partitions/1").status == 200)
    body = {"records": [{"value": 2}]}
    path = "/topics/comes/partitions/1"
    grown = proxy.call("POST", path, body, {"Content-Type": KAFKA_JSON}).json["offsets"]
    assert grown == [{"partition": 1, "offset": 0, "error_code": None, "error": None}]

    admin.delete_topics(["comes"])["comes"].result(10)
    wait_for("404", lambda: proxy.call("GET", "/topics/comes").status == 404)
    wait_for("404 for a record", lambda: proxy.produce("comes", {"value": 3}).status == 404)

    create_topic("comes")

    def stored_in_new_topic() -> bool:
        results = proxy.produce("comes", {"value": 4}).json.get("offsets", [])
        return [result["partition"] for result in results if result["error_code"] is None] == [0]

    wait_for("the new topic of the same name", stored_in_new_topic)


def test_concurrent_clients_each_get_their_own_response(proxy: Proxy, topic: str) -> None:
    def client(number: int) -> list[int]:
        connection = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=30)
        offsets = []
        for step in range(20):
            body = json.dumps({"records": [{"value": [number, step]}]})
            connection.request("POST", f"/topics/{topic}", body, {"Content-Type": KAFKA_JSON})
            offsets.append(json.loads(connection.getresponse().read())["offsets"][0]["offset"])
        connection.close()
        return offsets

    with ThreadPoolExecutor(20) as pool:
        offsets_by_client = list(pool.map(client, range(20)))

    values = [json.loads(value or b"") for _, value in stored(topic, 400)]
    for number, offsets in enumerate(offsets_by_client):
        assert [values[at] for at in offsets] == [[number, step] for step in range(20)]


def test_a_body_in_chunks_is_read(proxy: Proxy, topic: str) -> None:
    def chunks() -> Iterator[bytes]:
        yield b'{"records":'
        yield b'[{"value":1}]}'

    response = proxy.call("POST", f"/topics/{topic}", chunks(), {"Content-Type": KAFKA_JSON})

    assert response.json["offsets"][0]["offset"] == 0


def test_bodies_in_pieces_over_one_connection_are_read(proxy: Proxy, topic: str) -> None:
    # The proxy does not wait for the end of a body whose length it knows, so the next request shows
    # that it read the whole body.
    connection = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=30)
    body = b'{"records":[{"value":"' + b"x" * 600_000 + b'"}]}'
    statuses = []
    for content, pieces in ((body, 3), (body, 1), (b"", 1), (b'{"records":[{"value":1}]}', 2)):
        connection.putrequest("POST", f"/topics/{topic}")
        connection.putheader("Content-Type", KAFKA_JSON)
        connection.putheader("Content-Length", str(len(content)))
        connection.endheaders()
        size = len(content) // pieces + 1
        for start in range(0, len(content), size):
            connection.send(content[start : start + size])
        response = connection.getresponse()
        response.read()
        statuses.append(response.status)
    connection.close()

    assert statuses == [200, 200, 400, 200]
    large = [(None, body[len('{"records":[{"value":') : -len("}]}")])] * 2
    assert stored(topic, 3) == [*large, (None, b"1")]


def test_keys_and_errors_in_one_request_keep_their_order(proxy: Proxy, wide_topic: str) -> None:
    records = [{"value": n, "key": n} for n in range(20)]
    records[7]["value"] = records[11]["value"] = "x" * 1_100_000  # type: ignore[assignment]

    results = proxy.produce(wide_topic, *records).json["offsets"]

    assert [n for n, result in enumerate(results) if result["error_code"]] == [7, 11]
    for partition in range(3):
        mine = [n for n, result in enumerate(results) if result["partition"] == partition]
        found = stored(wide_topic, len(mine), partition)
        assert found == [(str(n).encode(), str(n).encode()) for n in mine]
        assert [results[n]["offset"] for n in mine] == list(range(len(mine)))
