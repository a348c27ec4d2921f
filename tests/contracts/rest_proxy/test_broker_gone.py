"""A broker that stands still, is killed, and comes back: what each client is told meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.support.program import Service
from tests.support.rest_proxy import Proxy
from tests.support.waiting import wait_for


@contextmanager
def killed(service: Service) -> Iterator[None]:
    """It is gone meanwhile."""
    service.kill()
    try:
        yield
    finally:
        service.start()


@pytest.mark.parametrize("gone", ["stopped", "killed"])
def test_every_slot_says_that_it_may_be_tried_again(
    start_proxy: Callable[..., Proxy], kafka: Service, topic: str, gone: str
) -> None:
    proxy = start_proxy(REST_PROXY_MESSAGE_TIMEOUT_MS="1500")
    assert proxy.produce(topic, {"value": 0}).json["offsets"][0]["offset"] == 0
    with kafka.frozen() if gone == "stopped" else killed(kafka):
        for name in (topic, "never-heard-of"):
            # Answered long before the default of 30 s, as API Gateway needs it.
            answer = proxy.produce(name, {"value": 1}, {"value": 2}, timeout=20)
            assert answer.status == 200
            for slot in answer.json["offsets"]:
                assert slot.pop("error")
                assert slot == {"error_code": 50003, "partition": None, "offset": None}

        answer = proxy.call("GET", "/health")
        assert (answer.status, answer.json["status"]) == (503, "unavailable")
        assert "Kafka does not answer" in answer.json["reason"]
        if gone == "killed":
            assert "Connection refused" in answer.json["reason"]
        checked = proxy.health()
        assert checked.returncode == 1
        assert "Kafka does not answer" in checked.stderr

        answer = proxy.call("GET", "/topics")
        assert (answer.status, answer.json["error_code"]) == (500, 50003)

    wait_for(
        "the proxy to be well",
        lambda: proxy.health().returncode == 0,
        state=lambda: (
            f"{proxy.health().stderr}{kafka.health().stderr}{kafka.log.read_text()[-2000:]}"
        ),
    )
    slot = wait_for(
        "a record to be taken",
        lambda: (
            (s := proxy.produce(topic, {"value": 3}).json["offsets"][0])["error_code"] is None and s
        ),
    )
    # What was there before the kill is there after it.
    assert slot["offset"] >= 1
