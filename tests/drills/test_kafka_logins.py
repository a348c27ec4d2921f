"""The whole stack with logins at Kafka: ``pinpipe up --secure``, then ``pinpipe demo``.

It runs in containers; tests/contracts/kafka_login tests the logins of each service without them.
"""

import pytest

from tests.conftest import pinpipe

POSTS = 50
LIMIT = 900
"""Seconds that each of the two commands may take."""

pytestmark = [pytest.mark.long, pytest.mark.containers, pytest.mark.timeout(2 * LIMIT + 100)]


def test_both_pipelines_agree_with_logins_at_kafka(own_variables: dict[str, str]) -> None:
    started = pinpipe(own_variables, "up", "--secure", timeout=LIMIT)
    assert "KAFKA_AUTH=iam" in started.stderr
    shown = pinpipe(own_variables, "demo", "--posts", str(POSTS), timeout=LIMIT)
    assert "rows equal on both pipelines" in shown.stdout
