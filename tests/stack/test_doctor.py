"""`pinpipe doctor --target aws` finds nothing wrong where all is there: on this stack."""

from __future__ import annotations

import pytest

from stack.hops import jobs
from tests.conftest import Stack


@pytest.fixture
def target(stack: Stack) -> dict[str, str]:
    """The stack as .env.aws would describe it."""
    return {
        **stack.environment,
        "KAFKA_REST_ENDPOINT": stack.settings.rest_proxy_url,
        "JOBS_API_TOKEN": jobs.token(stack.engine),
    }


def test_nothing_is_wrong(stack: Stack, target: dict[str, str]) -> None:
    done = stack.pinpipe("doctor", "--target", "aws", environment=target)
    assert (done.returncode, done.stdout) == (0, ""), done.stdout
    assert done.stderr.splitlines()[-1].endswith("nothing is missing")
    for fact in ("its topics are there", "the token is good", "it has runtime", "it is version"):
        assert fact in done.stderr


def test_a_wrong_token_and_another_id_are_told(stack: Stack, target: dict[str, str]) -> None:
    wrong = target | {"JOBS_API_TOKEN": "another", "USER_ID": "0e36c8cd403d"}
    done = stack.pinpipe("doctor", "--target", "aws", environment=wrong)
    assert done.returncode == 1
    areas = [line.partition(":")[0] for line in done.stdout.splitlines()]
    assert areas == [
        "bucket user-0e36c8cd403d-bucket",
        *(f"stream streaming-0e36c8cd403d-{name}" for name in ("pin", "geo", "user")),
        *["Kafka"] * 4,
        "Databricks",
    ]
