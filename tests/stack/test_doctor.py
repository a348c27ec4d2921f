"""`pinpipe doctor --target aws` on the running stack, which has every service of the target."""

from tests.conftest import Stack
from tests.support.e2e import here


def test_the_stack_has_no_problem(stack: Stack) -> None:
    done = stack.pinpipe("doctor", "--target", "aws", environment=here.variables(stack))
    assert (done.returncode, done.stdout) == (0, ""), done.stdout
    assert done.stderr.splitlines()[-1].endswith("no problem found")
    for fact in ("its topics exist", "the token is valid", "it has runtime", "it is version"):
        assert fact in done.stderr


def test_a_wrong_token_and_another_user_id_are_reported(stack: Stack) -> None:
    wrong = here.variables(stack) | {"DATABRICKS_TOKEN": "another", "USER_ID": "0e36c8cd403d"}
    done = stack.pinpipe("doctor", "--target", "aws", environment=wrong)
    assert done.returncode == 1
    areas = [line.partition(":")[0] for line in done.stdout.splitlines()]
    assert areas == [
        "bucket user-0e36c8cd403d-bucket",
        *(f"stream streaming-0e36c8cd403d-{name}" for name in ("pin", "geo", "user")),
        *["Kafka"] * 4,
        "Databricks",
    ]
