"""Services are restarted while the emulator sends: acknowledged rows are in S3 and in a table."""

from collections import Counter
from functools import partial
from itertools import islice
from pathlib import Path

import pytest

from contract import names
from contract.entities import ENTITIES
from emulator.draw import original
from hops import kafka, tables
from hops.access import Access
from tests.conftest import Stack
from tests.support import pipelines
from tests.support.emulator import finish
from tests.support.waiting import wait_for

POSTS_A_SECOND = 20
BEFORE = 30
"""Records of a topic that must have arrived before each restart."""


@pytest.mark.long
@pytest.mark.containers
@pytest.mark.timeout(1500)
def test_a_restart_of_each_service_and_of_all_loses_nothing(
    stack: Stack, access: Access, tmp_path: Path
) -> None:
    topics = {entity: names.topic(stack.settings.user_id, entity) for entity in ENTITIES}
    begin = {topic: kafka.offsets(access, topic)[1] for topic in topics.values()}
    pin = topics[ENTITIES[0]]

    def arrived(topic: str) -> int:
        return sum(kafka.offsets(access, topic)[1].values())

    options = ("--rate", str(POSTS_A_SECOND), "--retry-seconds", "120", "--json")
    with (
        open(tmp_path / "stderr", "w+") as stderr,
        stack.spawn("emulator", *options, stderr=stderr) as process,
    ):

        def wait_for_more() -> None:
            goal = arrived(pin) + BEFORE
            wait_for(
                f"{BEFORE} more records",
                lambda: process.poll() is not None or arrived(pin) >= goal,
                60,
                0.2,
            )
            assert process.poll() is None, (tmp_path / "stderr").read_text()

        try:
            statuses = [each for each in stack.engine.status() if each.service != "supervisor"]
            services = [status.service for status in statuses if status.pid]
            assert {"localstack", "kafka", "rest-proxy", "connect"} <= set(services)
            # No row passes through Airflow's processes: they are restarted together.
            airflow = [service for service in services if service.startswith("airflow-")]
            for group in (*([service] for service in services if service not in airflow), airflow):
                wait_for_more()
                stack.restart(*group)
            wait_for_more()
            stack.restart()
            wait_for_more()
            stack.terminate("emulator", process)
            code, counts, _ = finish(process)
        finally:
            process.kill()
    assert code == 0, (tmp_path / "stderr").read_text()
    assert counts["failed"] == 0
    assert counts["acknowledged"] == counts["sent"] > 0
    drawn = Counter(draw.key for draw in islice(original(), counts["posts"]))
    for entity, topic in topics.items():
        end = kafka.offsets(access, topic)[1]
        stored = partial(pipelines.stored, access, entity, begin[topic])
        expected = sum(end.values()) - sum(begin[topic].values())
        wait_for(
            f"{expected} records of {topic} to be in S3",
            lambda stored=stored, expected=expected: stored().total() >= expected,
            90,
            1,
            lambda stored=stored: f"{stored().total()} are",
        )
        found = stored()
        assert found.total() == expected, "the sink stored a record twice"
        # Requests with lost responses were sent again: more copies than draws, never fewer.
        assert drawn - found == Counter()

    stack.run("spark")
    for entity in ENTITIES:
        table = tables.read(access, names.table(stack.settings.user_id, entity))
        assert table is not None
        assert set(drawn) <= {row["ind"] for row in table.rows}
