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
    defaults: dict[str, set[str]] = {}
    for name, default in re.findall(r"(?=\$\{([A-Z0-9_]+)(?::-([^}]*))?)", compose):
        defaults.setdefault(name, set()).add(default)
    # A default that differs by place, or is itself made of variables, is shown as empty.
    read = {
        name: "" if len(values) > 1 or "${" in min(values) else min(values)
        for name, values in defaults.items()
    }
    example = dotenv_values(ROOT / ".env.example")
    assert set(example) == set(read) | PINPIPE_ONLY
    assert {name: example[name] for name in read} == read
