"""What is refused before it can grow: bodies, the queue, consumers; and how the proxy ends."""

from __future__ import annotations

import select
import signal
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed

import pytest

from contract.wire import KAFKA_JSON
from tests.support.program import Service
from tests.support.rest_proxy import Answer, Proxy
from tests.support.waiting import wait_for

JSON = {"Content-Type": KAFKA_JSON}


def test_a_large_body_is_refused(start_proxy: Callable[..., Proxy], topic: str) -> None:
    proxy = start_proxy(REST_PROXY_BODY_BYTES="1000")
    body = b'{"records":[{"value":"' + b"x" * 2000 + b'"}]}'

    def chunks() -> Iterator[bytes]:
        yield body[:900]
        yield body[900:]

    for content in (body, chunks()):
        answer = proxy.call("POST", f"/topics/{topic}", content, JSON)
        assert (answer.status, answer.json["error_code"]) == (413, 413)
    assert proxy.produce(topic, {"value": 1}).json["offsets"][0]["offset"] == 0


def race(make: Callable[[], Answer]) -> Iterator[Answer]:
    """The answers, as they come, to the same request made twice at once."""
    pool = ThreadPoolExecutor(2)
    both = [pool.submit(make) for _ in range(2)]
    return (answered.result() for answered in as_completed(both, timeout=90))


@pytest.mark.parametrize(
    ("bound", "value"),
    [({"REST_PROXY_QUEUE_MESSAGES": "10"}, "x"), ({"REST_PROXY_QUEUE_BYTES": "2000"}, "x" * 150)],
    ids=["records", "bytes"],
)
def test_a_full_queue_refuses_the_whole_request(
    start_proxy: Callable[..., Proxy], kafka: Service, topic: str, bound: dict[str, str], value: str
) -> None:
    proxy = start_proxy(**bound)
    assert proxy.produce(topic, {"value": value}).status == 200
    with kafka.frozen():
        answers = race(lambda: proxy.produce(topic, *[{"value": value}] * 8, timeout=60))

        refused = next(answers)  # the other one waits
        assert (refused.status, refused.json["error_code"]) == (503, 50302)
        assert refused.headers["retry-after"] == "1"

    slots = next(answers).json["offsets"]
    assert [slot["offset"] for slot in slots] == list(range(1, 9))
    # Nothing of what was refused is in the topic.
    assert proxy.produce(topic, {"value": value}).json["offsets"][0]["offset"] == 9


def test_a_request_that_never_fits_is_told_so(
    start_proxy: Callable[..., Proxy], topic: str
) -> None:
    proxy = start_proxy(REST_PROXY_QUEUE_MESSAGES="10")

    assert proxy.produce(topic, *[{"value": 1}] * 11).status == 413


def test_broken_clients_leave_nothing_behind(
    start_proxy: Callable[..., Proxy], topic: str, kafka: Service
) -> None:
    body = b'{"records":[{"value":"' + b"x" * 1100 + b'"}]}'
    proxy = start_proxy(REST_PROXY_QUEUE_BYTES="2000", REST_PROXY_QUEUE_MESSAGES="1")
    request = (
        f"POST /topics/{topic} HTTP/1.1\r\nHost: x\r\nContent-Type: {KAFKA_JSON}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode() + body

    def room() -> bool:
        return proxy.call("POST", f"/topics/{topic}", body, JSON).status == 200

    assert room()
    for _ in range(4):  # each has more than half of what may be in hand
        with socket.create_connection(("127.0.0.1", proxy.port)) as half:
            half.sendall(request[:-10])
        assert wait_for("room after half a body", room)

    with kafka.frozen():
        clients = [socket.create_connection(("127.0.0.1", proxy.port)) for _ in range(2)]
        for client in clients:
            client.sendall(request)
        refused, _, _ = select.select(clients, [], [], 30)
        assert [client.recv(12) for client in refused] == [b"HTTP/1.1 503"]
        for client in clients:  # the other one goes while it waits
            client.close()
    assert wait_for("room after a client that went", room)


def test_consumers_are_bounded_in_number(start_proxy: Callable[..., Proxy], group: str) -> None:
    proxy = start_proxy(REST_PROXY_CONSUMERS="2")
    for name in ("a", "b"):
        assert proxy.send("POST", f"/consumers/{group}", {"name": name}).status == 200

    answer = proxy.send("POST", f"/consumers/{group}", {"name": "c"})

    assert (answer.status, answer.json["error_code"]) == (503, 50303)
    assert proxy.send("DELETE", f"/consumers/{group}/instances/a").status == 204
    assert proxy.send("POST", f"/consumers/{group}", {"name": "c"}).status == 200


def test_an_unused_consumer_is_closed(start_proxy: Callable[..., Proxy], group: str) -> None:
    proxy = start_proxy(REST_PROXY_CONSUMER_TIMEOUT_MS="1500")
    for name in ("used", "unused"):
        proxy.send("POST", f"/consumers/{group}", {"name": name, "format": "json"})
    instances = f"/consumers/{group}/instances"

    def expired() -> bool:
        assert proxy.call("GET", f"{instances}/used/subscription").status == 200
        return proxy.send("POST", f"/consumers/{group}", {"name": "unused"}).status == 200

    wait_for("the name to be free again", expired)
    assert proxy.call("GET", f"{instances}/used/subscription").status == 200


def test_a_stop_lets_records_on_their_way_arrive(
    start_proxy: Callable[..., Proxy], topic: str, kafka: Service
) -> None:
    proxy = start_proxy(REST_PROXY_QUEUE_MESSAGES="1")
    assert proxy.produce(topic, {"value": 1}).status == 200
    with kafka.frozen():
        answers = race(lambda: proxy.produce(topic, {"value": 2}, timeout=60))
        assert next(answers).status == 503
        proxy.signal(signal.SIGTERM)

    assert proxy.stop() == 0
    assert next(answers).json["offsets"][0]["offset"] == 1


def test_a_wrong_setting_stops_the_start(kafka: Service, proxy: Proxy) -> None:
    wrong = Proxy(proxy.folder, 22039, REST_PROXY_BODY_BYTES="many")

    with pytest.raises(AssertionError, match="REST_PROXY_BODY_BYTES is 'many'"):
        wrong.start()
