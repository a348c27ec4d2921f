"""The responses while the broker is frozen or killed, and after it has recovered."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.support.program import Service
from tests.support.rest_proxy import Proxy
from tests.support.waiting import wait_for


@contextmanager
def killed(service: Service) -> Iterator[None]:
    """Kill a service for the duration of the block."""
    service.kill()
    try:
        yield
    finally:
        service.start()


@pytest.mark.parametrize("gone", ["stopped", "killed"])
@pytest.mark.slow
def test_every_result_is_a_retriable_error(
    start_proxy: Callable[..., Proxy], kafka: Service, topic: str, gone: str
) -> None:
    proxy = start_proxy(REST_PROXY_MESSAGE_TIMEOUT_MS="1500")
    assert proxy.produce(topic, {"value": 0}).json["offsets"][0]["offset"] == 0
    with kafka.frozen() if gone == "stopped" else killed(kafka):
        for name in (topic, "unknown"):
            # The response arrives long before the default of 30 s, as API Gateway requires.
            response = proxy.produce(name, {"value": 1}, {"value": 2}, timeout=20)
            assert response.status == 200
            for result in response.json["offsets"]:
                assert result.pop("error")
                assert result == {"error_code": 50003, "partition": None, "offset": None}

        response = proxy.call("GET", "/health")
        assert (response.status, response.json["status"]) == (503, "unavailable")
        assert "Kafka does not answer" in response.json["reason"]
        if gone == "killed":
            assert "Connection refused" in response.json["reason"]
        checked = proxy.health()
        assert checked.returncode == 1
        assert "Kafka does not answer" in checked.stderr

        response = proxy.call("GET", "/topics")
        assert (response.status, response.json["error_code"]) == (500, 50003)

    wait_for(
        "the proxy to be healthy",
        lambda: proxy.health().returncode == 0,
        state=lambda: (
            f"{proxy.health().stderr}{kafka.health().stderr}{kafka.log.read_text()[-2000:]}"
        ),
    )
    result = wait_for(
        "a stored record",
        lambda: (
            (s := proxy.produce(topic, {"value": 3}).json["offsets"][0])["error_code"] is None and s
        ),
    )
    # The record from before the kill still exists.
    assert result["offset"] >= 1
