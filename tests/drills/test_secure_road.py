"""The road through Kafka where every client logs in, from the emulator's posts to S3's objects."""

from __future__ import annotations

from pathlib import Path

import pytest

from contract import names
from contract.entities import ENTITIES
from contract.settings import Settings
from stack.hops import kafka
from stack.hops.access import Access
from stack.native import NativeEngine
from tests.conftest import ROOT, Stack, own_variables
from tests.drills.road import send

ROAD = ("dataset-load", "localstack", "kafka", "topics", "connect", "connector", "rest-proxy")
"""The services that a post passes, each after those that it needs."""

POSTS = 100


@pytest.mark.processes
def test_posts_arrive_over_logins(tmp_path: Path) -> None:
    variables = own_variables(tmp_path) | {"ENGINE": "native", "KAFKA_AUTH": "iam"}
    engine = NativeEngine(ROOT, variables)
    try:
        for service in ROAD:
            engine.start(service)
        client = engine.client_environment
        access = Access(client)
        send(Stack(engine, Settings.from_environ(client), client, variables), access, 0, POSTS)
        for entity in ENTITIES:
            _, end = kafka.offsets(access, names.topic(access.settings.user_id, entity))
            assert sum(end.values()) == POSTS
    finally:
        engine.down(forget=True)
