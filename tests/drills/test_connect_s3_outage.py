"""S3 is killed and comes back empty: the sink waits for it and goes on by itself."""

from __future__ import annotations

from typing import Any

import requests

from tests.drills.connect_load import Bucket, Load


def states(stack: Any) -> set[str]:
    """States of the connector and its tasks."""
    name = f"{stack.settings.user_id}-s3-sink"
    url = f"{stack.settings.connect_url}/connectors/{name}/status"
    status = requests.get(url, timeout=10).json()
    return {part["state"] for part in [status["connector"], *status["tasks"]]}


def test_the_sink_goes_on_when_s3_is_back(stack: Any) -> None:
    bucket = Bucket(stack.settings)
    with Load(stack.settings) as load:
        bucket.wait_for_more(load, 400)
        stack.kill("localstack")
        lost = load.sent
        stack.start("localstack")  # without a bucket for a moment, and without its objects for good
        bucket.forget()
        bucket.wait_for_more(load, 1000)
    found = bucket.wait_for_all(load, range(lost, load.sent))
    assert found.duplicated() == []
    assert found.overlaps() == []
    assert states(stack) == {"RUNNING"}
    bucket.s3.close()
