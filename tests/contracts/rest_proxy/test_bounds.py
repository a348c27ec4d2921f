"""The limits on bodies, on the queue and on consumers, and the stop of the proxy."""

import select
import signal
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed

import pytest

from contract.wire import KAFKA_JSON
from services.rest_proxy.__main__ import CONNECTIONS
from tests.support.half_sent import half_sent
from tests.support.program import Service
from tests.support.rest_proxy import Proxy, Response
from tests.support.waiting import wait_for

JSON = {"Content-Type": KAFKA_JSON}


def test_a_large_body_is_refused(start_proxy: Callable[..., Proxy], topic: str) -> None:
    proxy = start_proxy(REST_PROXY_BODY_BYTES="1000")
    body = b'{"records":[{"value":"' + b"x" * 2000 + b'"}]}'

    def chunks() -> Iterator[bytes]:
        yield body[:900]
        yield body[900:]

    for content in (body, chunks()):
        response = proxy.call("POST", f"/topics/{topic}", content, JSON)
        assert (response.status, response.json["error_code"]) == (413, 413)
    assert proxy.produce(topic, {"value": 1}).json["offsets"][0]["offset"] == 0


def race(make: Callable[[], Response]) -> Iterator[Response]:
    """Make the same request twice at once; return the responses in the order of their arrival."""
    pool = ThreadPoolExecutor(2)
    both = [pool.submit(make) for _ in range(2)]
    return (done.result() for done in as_completed(both, timeout=90))


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
        responses = race(lambda: proxy.produce(topic, *[{"value": value}] * 8, timeout=60))

        refused = next(responses)  # the other one waits
        assert (refused.status, refused.json["error_code"]) == (503, 50302)
        assert refused.headers["retry-after"] == "1"

    results = next(responses).json["offsets"]
    assert [result["offset"] for result in results] == list(range(1, 9))
    # No record of the refused request is in the topic.
    assert proxy.produce(topic, {"value": value}).json["offsets"][0]["offset"] == 9


def test_a_request_that_never_fits_the_queue_is_413(
    start_proxy: Callable[..., Proxy], topic: str
) -> None:
    proxy = start_proxy(REST_PROXY_QUEUE_MESSAGES="10")

    assert proxy.produce(topic, *[{"value": 1}] * 11).status == 413


def test_aborted_requests_release_their_share_of_the_queue(
    start_proxy: Callable[..., Proxy], topic: str, kafka: Service
) -> None:
    body = b'{"records":[{"value":"' + b"x" * 1100 + b'"}]}'
    proxy = start_proxy(REST_PROXY_QUEUE_BYTES="2000", REST_PROXY_QUEUE_MESSAGES="1")
    request = (
        f"POST /topics/{topic} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {KAFKA_JSON}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode() + body

    def fits() -> bool:
        return proxy.call("POST", f"/topics/{topic}", body, JSON).status == 200

    assert fits()
    for _ in range(4):  # each has more than half of the bytes that may be pending
        with socket.create_connection(("127.0.0.1", proxy.port)) as half:
            half.sendall(request[:-10])
        assert wait_for("space after half a body", fits)

    with kafka.frozen():
        clients = [socket.create_connection(("127.0.0.1", proxy.port)) for _ in range(2)]
        for client in clients:
            client.sendall(request)
        refused, _, _ = select.select(clients, [], [], 30)
        assert [client.recv(12) for client in refused] == [b"HTTP/1.1 503"]
        for client in clients:  # the other one closes while it waits
            client.close()
    assert wait_for("space after a client that closed", fits)


def test_consumers_are_bounded_in_number(start_proxy: Callable[..., Proxy], group: str) -> None:
    proxy = start_proxy(REST_PROXY_CONSUMERS="2")
    for name in ("a", "b"):
        assert proxy.send("POST", f"/consumers/{group}", {"name": name}).status == 200
        subscription = f"/consumers/{group}/instances/{name}/subscription"
        assert proxy.send("POST", subscription, {"topic_pattern": "none"}).status == 204

    response = proxy.send("POST", f"/consumers/{group}", {"name": "c"})

    assert (response.status, response.json["error_code"]) == (503, 50303)
    assert proxy.send("DELETE", f"/consumers/{group}/instances/a").status == 204
    assert proxy.send("POST", f"/consumers/{group}", {"name": "c"}).status == 200


def test_instances_that_read_nothing_give_way(
    start_proxy: Callable[..., Proxy], group: str, topic: str
) -> None:
    """The one that has been unused longest is closed when another needs its place."""
    proxy = start_proxy(REST_PROXY_CONSUMERS="3")
    instances = f"/consumers/{group}/instances"
    for name in ("reading", "first", "second"):
        assert proxy.send("POST", f"/consumers/{group}", {"name": name}).status == 200
    partitions = {"partitions": [{"topic": topic, "partition": 0}]}
    assert proxy.send("POST", f"{instances}/reading/assignments", partitions).status == 204
    for name in ("second", "first"):
        assert proxy.call("GET", f"{instances}/{name}/subscription").status == 200
    for number in range(64):
        assert proxy.call("POST", f"/consumers/{group}{number}").status == 200
        if not number:
            left = [
                proxy.call("GET", f"{instances}/{name}/subscription").status
                for name in ("reading", "first", "second")
            ]
            assert left == [200, 200, 404]
    assert proxy.call("GET", f"{instances}/reading/assignments").json == partitions


def test_an_abandoned_read_releases_its_instance_and_its_records(
    start_proxy: Callable[..., Proxy], group: str, topic: str
) -> None:
    proxy = start_proxy()
    options = {"format": "json", "auto.offset.reset": "earliest"}
    options |= {"fetch.min.bytes": "100", "consumer.request.timeout.ms": "300000"}
    assert proxy.send("POST", f"/consumers/{group}", {"name": "a", **options}).status == 200
    instance = f"/consumers/{group}/instances/a"
    partitions = {"partitions": [{"topic": topic, "partition": 0}]}
    assert proxy.send("POST", f"{instance}/assignments", partitions).status == 204
    assert proxy.produce(topic, {"value": 1}, {"value": 2}).status == 200

    head = f"GET {instance}/records HTTP/1.1\r\nHost: localhost\r\nAccept: {KAFKA_JSON}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", proxy.port)) as client:
        client.sendall(head.encode())
        # The read waits for more than the two records.
        assert select.select([client], [], [], 2)[0] == []

    accept = {"Accept": KAFKA_JSON}
    read = proxy.call("GET", f"{instance}/records?timeout=1000", None, accept, timeout=20)
    assert [record["value"] for record in read.json] == [1, 2]


@pytest.mark.slow
def test_half_sent_bodies_occupy_the_proxy_for_a_limited_time(
    start_proxy: Callable[..., Proxy], topic: str
) -> None:
    proxy = start_proxy()
    head = f"POST /topics/{topic} HTTP/1.1\r\nContent-Type: {KAFKA_JSON}"
    with half_sent(proxy, [head] * CONNECTIONS):
        assert proxy.health().returncode == 0


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


def test_a_stop_delivers_the_records_in_flight(
    start_proxy: Callable[..., Proxy], topic: str, kafka: Service
) -> None:
    proxy = start_proxy(REST_PROXY_QUEUE_MESSAGES="1")
    assert proxy.produce(topic, {"value": 1}).status == 200
    with kafka.frozen():
        responses = race(lambda: proxy.produce(topic, {"value": 2}, timeout=60))
        assert next(responses).status == 503
        proxy.signal(signal.SIGTERM)

    assert proxy.stop() == 0
    assert next(responses).json["offsets"][0]["offset"] == 1


def test_a_wrong_setting_stops_the_start(kafka: Service, proxy: Proxy) -> None:
    wrong = Proxy(proxy.folder, 22039, REST_PROXY_BODY_BYTES="many")

    with pytest.raises(AssertionError, match="REST_PROXY_BODY_BYTES is 'many'"):
        wrong.start()
