"""The life of consumer instances: groups, assignments, positions, records, offsets."""

import base64
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from contract.wire import KAFKA_BINARY, KAFKA_JSON, KAFKA_V2
from tests.support.rest_proxy import Proxy, Response, create_topic
from tests.support.waiting import wait_for


class Client:
    """A consumer instance, as a client uses it."""

    def __init__(self, proxy: Proxy, group: str, name: str, **options: Any) -> None:
        self.proxy = proxy
        self.path = f"/consumers/{group}/instances/{name}"
        self.media = KAFKA_BINARY if options.get("format") == "binary" else KAFKA_JSON
        body = {"name": name, "format": "json", "auto.offset.reset": "earliest", **options}
        assert proxy.send("POST", f"/consumers/{group}", body).status == 200

    def send(self, method: str, path: str, body: Any = None) -> Response:
        return self.proxy.send(method, self.path + path, body)

    def subscribe(self, *topics: str) -> None:
        assert self.send("POST", "/subscription", {"topics": list(topics)}).status == 204

    def assign(self, topic: str, *partitions: int) -> None:
        places = [{"topic": topic, "partition": number} for number in partitions or (0,)]
        assert self.send("POST", "/assignments", {"partitions": places}).status == 204

    def read(self, query: str = "") -> Response:
        return self.proxy.call("GET", f"{self.path}/records{query}", None, {"Accept": self.media})

    def begin_to_read(self) -> Future[Response]:
        """Read in a thread of its own."""
        return ThreadPoolExecutor(1).submit(self.read)

    def seek(self, topic: str, offset: int | str) -> None:
        """Continue at an offset, or at the "beginning" or the "end"."""
        place: dict[str, Any] = {"topic": topic, "partition": 0}
        if isinstance(offset, int):
            response = self.send("POST", "/positions", {"offsets": [{**place, "offset": offset}]})
        else:
            response = self.send("POST", f"/positions/{offset}", {"partitions": [place]})
        assert response.status == 204

    def records(self, count: int) -> list[dict[str, Any]]:
        """Read until there are ``count``; more than that is an error."""
        found: list[dict[str, Any]] = []
        wait_for(f"{count} records", lambda: found.extend(self.read().json) or len(found) >= count)
        assert len(found) == count
        return found

    def values(self, count: int) -> list[Any]:
        return [record["value"] for record in self.records(count)]

    def committed(self, topic: str, partition: int = 0) -> list[int]:
        body = {"partitions": [{"topic": topic, "partition": partition}]}
        return [found["offset"] for found in self.send("GET", "/offsets", body).json["offsets"]]

    def assigned(self) -> set[int]:
        places = self.send("GET", "/assignments").json["partitions"]
        return {place["partition"] for place in places}

    def delete(self) -> None:
        assert self.send("DELETE", "").status == 204


@pytest.fixture
def consumer(proxy: Proxy, group: str) -> Any:
    """Create instances of one group; the remaining ones are deleted after the test."""
    made: list[Client] = []

    def make(name: str = "c", **options: Any) -> Client:
        made.append(Client(proxy, group, name, **options))
        return made[-1]

    yield make
    for client in made:
        client.send("DELETE", "")


Make = Callable[..., Client]


def test_records_are_read_as_they_were_sent(proxy: Proxy, topic: str, consumer: Make) -> None:
    sent = [{"key": "é", "value": {"a": [1, None, "…"]}}, {"value": None}, {"key": 1, "value": ""}]
    proxy.produce(topic, *sent)
    client = consumer()
    client.subscribe(topic)

    assert client.records(3) == [
        {"topic": topic, "partition": 0, "offset": at, "key": None, **record}
        for at, record in enumerate(sent)
    ]
    response = client.read("?timeout=1")
    assert (response.media, response.json) == (KAFKA_JSON, [])


def test_binary_records_are_read_in_base64(proxy: Proxy, topic: str, consumer: Make) -> None:
    text = base64.b64encode(bytes(range(256))).decode()
    proxy.produce(topic, {"key": text, "value": text}, {"value": None}, media=KAFKA_BINARY)
    client = consumer(format="binary")
    client.assign(topic)

    assert [(record["key"], record["value"]) for record in client.records(2)] == [
        (text, text),
        (None, None),
    ]
    client.media = KAFKA_V2  # without a format, records are binary
    assert client.read("?timeout=1").media == KAFKA_V2


def test_numbers_are_read_as_they_were_sent(proxy: Proxy, topic: str, consumer: Make) -> None:
    number = b"123456789012345678901234567890.10"
    body = b'{"records":[{"value":' + number + b"}]}"
    proxy.call("POST", f"/topics/{topic}", body, {"Content-Type": KAFKA_JSON})
    client = consumer()
    client.assign(topic)

    response = wait_for("the record", lambda: (a := client.read()).json and a)
    assert b'"value":' + number + b"," in response.body


def test_a_record_that_is_not_json_is_named_and_can_be_skipped(
    proxy: Proxy, topic: str, consumer: Make
) -> None:
    proxy.produce(topic, {"value": 1})
    proxy.produce(topic, {"value": base64.b64encode(b"{not").decode()}, media=KAFKA_BINARY)
    proxy.produce(topic, {"value": 3})
    client = consumer()
    client.assign(topic)
    assert client.values(1) == [1]

    for _ in range(2):
        response = wait_for("the error", lambda: (a := client.read()).status == 500 and a)
        assert response.json["error_code"] == 50002
        assert f"{topic}-0 at offset 1 is not JSON" in response.json["message"]

    client.seek(topic, 2)
    assert client.values(1) == [3]


def test_max_bytes_limits_a_response_but_one_record_always_fits(
    proxy: Proxy, topic: str, consumer: Make
) -> None:
    proxy.produce(topic, *[{"value": "x" * 98}] * 10)  # 100 bytes each
    client = consumer()
    client.assign(topic)

    sizes: list[int] = []
    wait_for(
        "ten records",
        lambda: sizes.append(len(client.read("?max_bytes=250").json)) or sum(sizes) >= 10,
    )
    assert sum(sizes) == 10
    assert max(sizes) == 2

    client.seek(topic, "beginning")
    assert len(wait_for("one", lambda: client.read("?max_bytes=1").json)) == 1


def test_fetch_min_bytes_waits_for_more(proxy: Proxy, topic: str, consumer: Make) -> None:
    client = consumer(**{"fetch.min.bytes": "200", "consumer.request.timeout.ms": "20000"})
    client.assign(topic)
    response = client.begin_to_read()
    proxy.produce(topic, {"value": "x" * 98})
    # Another instance reads the first record, so this read could have returned with it.
    other = consumer("other")
    other.assign(topic)
    assert len(other.records(1)) == 1
    assert not response.done()
    proxy.produce(topic, {"value": "y" * 98})

    assert len(response.result(30).json) == 2


def test_a_waiting_read_blocks_no_other_call(proxy: Proxy, topic: str, consumer: Make) -> None:
    client = consumer(**{"consumer.request.timeout.ms": 60000})
    client.assign(topic)
    response = client.begin_to_read()

    for n in range(10):
        assert proxy.produce(topic, {"value": n}).status == 200
        assert proxy.call("GET", "/health").status == 200
    assert response.result(30).json[0]["value"] == 0


def test_deleting_an_instance_ends_its_read(proxy: Proxy, topic: str, consumer: Make) -> None:
    client = consumer(**{"consumer.request.timeout.ms": 60000})
    client.assign(topic)
    response = client.begin_to_read()
    client.delete()

    assert response.result(10).status in (200, 404)
    assert client.read().json["error_code"] == 40403


@pytest.mark.parametrize("begin", [Client.assign, Client.subscribe])
def test_positions(
    proxy: Proxy, topic: str, consumer: Make, begin: Callable[[Client, str], None]
) -> None:
    proxy.produce(topic, *({"value": n} for n in range(5)))
    client = consumer(**{"auto.commit.enable": "false"})
    begin(client, topic)
    assert client.values(5) == [0, 1, 2, 3, 4]

    client.seek(topic, 3)
    assert client.values(2) == [3, 4]
    client.seek(topic, "beginning")
    assert client.values(5) == [0, 1, 2, 3, 4]
    client.seek(topic, 1)
    client.seek(topic, "end")
    assert client.read("?timeout=1").json == []


def test_a_group_continues_at_its_commit(proxy: Proxy, topic: str, consumer: Make) -> None:
    proxy.produce(topic, *({"value": n} for n in range(5)))
    first = consumer("first", **{"auto.commit.enable": "false"})
    first.subscribe(topic)
    assert len(first.records(5)) == 5
    assert first.committed(topic) == []

    # As in Confluent's proxy: the client commits the offset of a record that it has read.
    read = {"offsets": [{"topic": topic, "partition": 0, "offset": 1}]}
    response = first.send("POST", "/offsets", read)
    assert (response.status, response.json) == (200, [])
    assert first.committed(topic) == [2]
    first.delete()

    second = consumer("second", **{"auto.commit.enable": False})
    second.subscribe(topic)
    assert second.values(3) == [2, 3, 4]
    assert second.send("POST", "/offsets").status == 200
    assert second.committed(topic) == [5]


def test_auto_commit_covers_the_records_that_were_returned(
    proxy: Proxy, topic: str, consumer: Make
) -> None:
    proxy.produce(topic, *({"value": "x" * 98} for _ in range(5)))
    first = consumer("first")
    first.subscribe(topic)
    assert len(wait_for("two records", lambda: first.read("?max_bytes=250").json)) == 2
    first.delete()

    second = consumer("second")
    second.subscribe(topic)
    assert [record["offset"] for record in second.records(3)] == [2, 3, 4]


def test_two_instances_share_the_partitions(proxy: Proxy, wide_topic: str, consumer: Make) -> None:
    first, second = consumer("first"), consumer("second")
    found: list[int] = []

    def alone() -> bool:
        first.read("?timeout=50")
        return first.assigned() == {0, 1, 2}

    def shared() -> bool:
        mine, other = first.assigned(), second.assigned()
        return bool(mine and other) and len(mine) + len(other) == 3

    def all_read() -> bool:
        for each in (first, second):
            found.extend(record["value"] for record in each.read("?timeout=100").json)
        return len(found) >= 30

    first.subscribe(wide_topic)
    wait_for("all partitions", alone)
    second.subscribe(wide_topic)
    wait_for("both to have some, and all together", shared)
    proxy.produce(wide_topic, *({"value": n, "partition": n % 3} for n in range(30)))
    wait_for("all records", all_read)
    assert sorted(found) == list(range(30))

    second.delete()
    wait_for("all partitions again", lambda: first.assigned() == {0, 1, 2})


def test_a_pattern_includes_new_topics(proxy: Proxy, group: str, consumer: Make) -> None:
    create_topic(f"{group}.a")
    create_topic(f"x.{group}.a")
    client = consumer()
    assert client.send("POST", "/subscription", {"topic_pattern": f"{group}\\..*"}).status == 204
    assert client.send("GET", "/subscription").json == {"topics": [f"{group}.a"]}

    create_topic(f"{group}.b")
    proxy.produce(f"{group}.b", {"value": "b"})
    assert client.values(1) == ["b"]
    assert client.send("GET", "/subscription").json == {"topics": [f"{group}.a", f"{group}.b"]}


def test_a_pattern_matches_whole_names_in_linear_time(
    proxy: Proxy, group: str, consumer: Make
) -> None:
    name = create_topic(f"{group}.{'a' * 230}")
    for number, (pattern, topics) in enumerate(
        {f"{group}.a": [], f".{group}.a*": [], f"{group}.a*": [name], "(.*.*)*X": []}.items()
    ):
        client = consumer(str(number))
        body = {"topic_pattern": pattern}
        response = proxy.send("POST", f"{client.path}/subscription", body, timeout=5)
        assert response.status == 204
        assert client.send("GET", "/subscription").json == {"topics": topics}


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("(", "missing ): ("),
        ("(?!table).*", "invalid perl operator: (?!"),
        (r"(t)able\1", r"invalid escape sequence: \1"),
        (r"\é", r"invalid escape sequence: \é"),
        (r"\pL" * 300, "pattern too large - compile failed"),
    ],
)
def test_a_refused_pattern_is_named_with_the_reason(
    consumer: Make, pattern: str, reason: str
) -> None:
    response = consumer().send("POST", "/subscription", {"topic_pattern": pattern})

    assert (response.status, response.json["error_code"]) == (422, 422)
    assert response.json["message"] == f"topic_pattern {pattern!r}: {reason}"


def test_a_pattern_has_1_to_1000_characters(consumer: Make) -> None:
    client = consumer()
    for pattern, status in {"": 422, "x" * 1000: 204, "x" * 1001: 422}.items():
        response = client.send("POST", "/subscription", {"topic_pattern": pattern})
        assert response.status == status


def test_a_topic_may_be_subscribed_to_twice(proxy: Proxy, topic: str, consumer: Make) -> None:
    client = consumer()
    assert client.send("POST", "/subscription", {"topics": [topic, topic]}).status == 204
    assert client.send("GET", "/subscription").json == {"topics": [topic]}
