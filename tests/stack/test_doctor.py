"""`pinpipe doctor --target aws` finds nothing wrong where all is there: on this stack."""

from __future__ import annotations

from tests.conftest import Stack
from tests.support.e2e import here


def test_nothing_is_wrong(stack: Stack) -> None:
    done = stack.pinpipe("doctor", "--target", "aws", environment=here.target_variables(stack))
    assert (done.returncode, done.stdout) == (0, ""), done.stdout
    assert done.stderr.splitlines()[-1].endswith("nothing is missing")
    for fact in ("its topics are there", "the token is good", "it has runtime", "it is version"):
        assert fact in done.stderr


def test_a_wrong_token_and_another_id_are_told(stack: Stack) -> None:
    wrong = here.target_variables(stack) | {
        "DATABRICKS_TOKEN": "another",
        "USER_ID": "0e36c8cd403d",
    }
    done = stack.pinpipe("doctor", "--target", "aws", environment=wrong)
    assert done.returncode == 1
    areas = [line.partition(":")[0] for line in done.stdout.splitlines()]
    assert areas == [
        "bucket user-0e36c8cd403d-bucket",
        *(f"stream streaming-0e36c8cd403d-{name}" for name in ("pin", "geo", "user")),
        *["Kafka"] * 4,
        "Databricks",
    ]
