"""Shared fixtures of the benches."""

from collections.abc import Callable

import pytest


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Callable[..., None]:
    """Print lines to the terminal, past pytest's capture."""

    def say(*lines: str) -> None:
        with capsys.disabled():
            print("", *lines, sep="\n")

    return say
