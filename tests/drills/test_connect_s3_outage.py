"""S3 is killed and comes back: the sink waits, and S3 has what it had and what came since."""

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
        stack.start("localstack")  # without a bucket for a moment
        bucket.wait_for_more(load, 1000)
    bucket.s3.close()
    anew = Bucket(stack.settings)  # which has read no object before the kill
    found = anew.wait_for_all(load, range(load.sent))
    assert found.duplicated() == []
    assert found.overlaps() == []
    assert found.copies.total() == load.sent
    assert states(stack) == {"RUNNING"}
    anew.s3.close()
