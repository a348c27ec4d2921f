""".env.example and docker-compose.yml name the same variables with the same defaults."""

from __future__ import annotations

import re
from pathlib import Path

from dotenv import dotenv_values

ROOT = Path(__file__).resolve().parents[2]
PINPIPE_ONLY = {"ENGINE"}
"""Read by pinpipe itself, not by docker-compose.yml."""


def test_every_variable_is_in_the_example_with_its_default() -> None:
    compose = (ROOT / "docker-compose.yml").read_text()
    read = {
        # A default that is itself made of variables is shown as empty.
        name: "" if "${" in default else default
        for name, default in re.findall(r"(?=\$\{([A-Z0-9_]+)(?::-([^}]*))?)", compose)
    }
    example = dotenv_values(ROOT / ".env.example")
    assert set(example) == set(read) | PINPIPE_ONLY
    assert {name: example[name] for name in read} == read
