"""The S3 sink on a real worker of either version, from a real broker into LocalStack's S3.

The order matters: each test depends on the topics and objects of the tests before it.
"""

import json
import time
from pathlib import Path

import pytest
import requests

from contract import names
from contract.entities import ENTITIES, GEO, PIN, USER
from contract.wire import dumps
from services.connect.connector import wait_until_running
from services.connect.rest import PLUGIN, ConnectError
from tests.support.connect import STORED_WITHIN, Cluster
from tests.support.example_row import SENT, SIZES
from tests.support.waiting import wait_for


@pytest.fixture(scope="module")
def originals_objects(cluster: Cluster) -> dict[str, bytes]:
    """The objects of row 7528 with the original's 13 properties, except for another class."""
    cluster.worker.configure("original", cluster.original())
    wait_running(cluster, "original")
    stored = {}
    for entity, row in SENT.items():
        assert cluster.send(entity, dumps(row).encode()) == [0]
        stored |= cluster.stored(entity, 1)
    cluster.worker.delete("original")
    return stored


def wait_running(cluster: Cluster, name: str) -> None:
    wait_until_running(cluster.worker, name, 3, time.monotonic() + STORED_WITHIN)


def failure(cluster: Cluster, name: str) -> str:
    """Wait for a task of a connector to fail; return its trace."""

    def failed() -> str | None:
        try:
            status = cluster.worker.status(name)
        except ConnectError:
            return None
        return next((task["trace"] for task in status["tasks"] if "trace" in task), None)

    return wait_for(f"a task of {name} to fail", failed, STORED_WITHIN)


def test_the_sink_is_the_only_connector(cluster: Cluster) -> None:
    assert cluster.worker.plugins() == [PLUGIN]


def test_a_connector_s_configuration_reads_no_file(cluster: Cluster, tmp_path: Path) -> None:
    if "CONNECT_LIBS" in cluster.environment:
        pytest.skip("Kafka 3.7, which MSK Connect runs, has no property that forbids it")
    (tmp_path / "file").write_text("content of a file")
    transform = "transforms.stamp"
    config = {
        "transforms": "stamp",
        f"{transform}.type": "org.apache.kafka.connect.transforms.TimestampConverter$Value",
        f"{transform}.target.type": "string",
        f"{transform}.format": f"${{dir:{tmp_path}:file}}",
        f"{transform}.config.providers": "dir",
        f"{transform}.config.providers.dir.class": (
            "org.apache.kafka.common.config.provider.DirectoryConfigProvider"
        ),
    }
    cluster.worker.configure("reader", cluster.original() | config)
    trace = failure(cluster, "reader")
    cluster.worker.delete("reader")
    assert "content of a file" not in trace
    assert "DirectoryConfigProvider is not allowed" in trace


def test_the_originals_configuration_stores_the_exact_bytes_of_row_7528(
    cluster: Cluster, originals_objects: dict[str, bytes]
) -> None:
    for entity, row in SENT.items():
        topic = names.topic(cluster.user_id, entity)
        body = originals_objects[f"topics/{topic}/partition=0/{topic}+0+0000000000.json"]
        assert len(body) == SIZES[entity]
        assert json.loads(body) == row
        assert body.endswith(b"}\n")
    assert len(originals_objects) == 3


def test_the_project_s_connector_works_on_an_idle_topic(
    cluster: Cluster, originals_objects: dict[str, bytes]
) -> None:
    done = cluster.one_shot("services/connect/connector.sh")
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("RUNNING") == 4

    # Three records of the thousand that fill an object, and then none.
    rows = [{"ind": n, "title": "é … 😀", "none": None, "f": 0.1} for n in range(3)]
    cluster.send(GEO, *(dumps(row).encode() for row in rows))
    body = b"".join(cluster.stored(GEO, 4).values())
    assert [json.loads(line) for line in body.splitlines()[1:]] == rows
    assert "é … 😀".encode() in body  # not escaped
    assert b'": ' not in body  # compact


def test_a_second_set_up_changes_nothing(cluster: Cluster) -> None:
    before = cluster.worker.status(cluster.connector)
    done = cluster.one_shot("services/connect/connector.sh")
    assert done.returncode == 0, done.stderr
    assert cluster.worker.status(cluster.connector) == before


MIXED = (b'{"good":1}', b"not json", None, b"", b"null", b"1e999", b"[1]", b'"text"', b"3")
"""Values that are stored, and values that are not."""
GOOD = [b'{"good":1}', b"[1]", b'"text"', b"3"]
BAD = {1: b"not json", 2: None, 3: b"", 4: b"null", 5: b"1e999"}
"""The values of MIXED that cannot be stored, by index."""


def check_letters(cluster: Cluster, letters: dict[int, tuple[bytes | None, str]]) -> None:
    """Check that exactly the bad values are dead letters, with the reason."""
    first = min(letters) - 1
    assert {offset - first: value for offset, (value, _) in letters.items()} == BAD
    assert letters[first + 1][1].startswith("Converting byte[] to Kafka Connect data failed")
    topic = names.topic(cluster.user_id, USER)
    for index in (2, 3, 4):
        reason = letters[first + index][1]
        assert reason == f"record {topic}-0-{first + index} can't be stored: it has no value"


def test_a_record_that_cannot_be_stored_becomes_a_dead_letter(cluster: Cluster) -> None:
    first, *_ = cluster.send(USER, *MIXED)
    letters = cluster.dead_letters(len(BAD))
    assert min(letters) == first + 1
    check_letters(cluster, letters)
    body = b"".join(cluster.stored(USER, 5).values())
    assert body.splitlines()[1:] == GOOD


def test_connect_s_converter_stores_and_refuses_the_same(cluster: Cluster) -> None:
    """Read the whole topic again, with the original's converter, into a folder of its own."""
    topic = names.topic(cluster.user_id, USER)
    config = cluster.original(topics_dir="again", errors_tolerance="all") | {
        "topics": topic,
        "errors.deadletterqueue.topic.name": f"again.{cluster.user_id}",
        "errors.deadletterqueue.topic.replication.factor": "1",
        "errors.deadletterqueue.context.headers.enable": "true",
    }
    config.pop("topics.regex")
    cluster.worker.configure("again", config)
    check_letters(cluster, cluster.dead_letters(len(BAD), f"again.{cluster.user_id}"))
    bodies = cluster.stored(USER, 5, "again").values()
    cluster.worker.delete("again")
    assert b"".join(bodies).splitlines()[1:] == GOOD
    assert [json.loads(line) for line in b"".join(cluster.objects(USER).values()).splitlines()] == [
        json.loads(line) for body in bodies for line in body.splitlines()
    ]


def test_every_document_is_stored_compact(cluster: Cluster) -> None:
    sent = [
        b' { "ind" : 1, "title" : "\\u00e9 \\ud83d\\ude00 \\/", "a" : [ 1.50 , 1e2 ] }\n',
        b'{"ind":1,"big":123456789012345678901234567890,"ind":2}',
    ]
    cluster.send(GEO, *sent)
    lines = b"".join(cluster.stored(GEO, 6).values()).splitlines()
    assert lines[4:] == [
        '{"ind":1,"title":"é 😀 /","a":[1.50,1e2]}'.encode(),
        b'{"ind":2,"big":123456789012345678901234567890}',
    ]


def test_a_large_record_is_stored_whole(cluster: Cluster) -> None:
    row = {"index": 1, "description": "x" * 900_000}
    cluster.send(PIN, dumps(row).encode())
    body = b"".join(cluster.stored(PIN, 2).values())
    assert json.loads(body.splitlines()[1]) == row


def test_unknown_and_wrong_properties_are_named(cluster: Cluster) -> None:
    config = {"name": "refused"} | cluster.original(path_format="YYYY", s3_compression_type="gzip")
    errors = cluster.worker.validate(config)
    assert sorted(errors) == ["path.format", "s3.compression.type"]
    with pytest.raises(ConnectError, match=r"path\.format") as refused:
        cluster.worker.configure("refused", config)
    assert refused.value.status == requests.codes.bad_request
    with pytest.raises(ConnectError) as unknown:
        cluster.worker.status("refused")
    assert unknown.value.status == requests.codes.not_found


def test_an_untolerated_bad_record_fails_the_task_and_is_named(cluster: Cluster) -> None:
    topic = names.topic(cluster.user_id, PIN)
    (offset,) = cluster.send(PIN, None)
    config = cluster.original(topics_dir="strict", flush_size="2")
    config.pop("topics.regex")
    cluster.worker.configure("strict", config | {"topics": topic})
    trace = failure(cluster, "strict")
    cluster.worker.delete("strict")
    assert f"record {topic}-0-{offset} can't be stored: it has no value" in trace


def test_every_record_is_accounted_for(cluster: Cluster) -> None:
    topics = {entity: names.topic(cluster.user_id, entity) for entity in ENTITIES}
    stored = {entity: cluster.objects(entity) for entity in ENTITIES}
    lines = {
        entity: sum(body.count(b"\n") for body in stored[entity].values()) for entity in topics
    }
    assert lines == {PIN: 2, GEO: 6, USER: 5}
    for entity, objects in stored.items():
        assert all(names.parse_object_key(key).topic == topics[entity] for key in objects)


def test_a_further_topic_is_created_and_stored(cluster: Cluster) -> None:
    name = f"further-{cluster.user_id}.all"
    further = {"KAFKA_TOPICS": name}
    done = cluster.one_shot("services/kafka/topics.sh", **further)
    assert f"topic {name}: created, 1 partition" in done.stderr
    done = cluster.one_shot("services/connect/connector.sh", **further)
    assert done.returncode == 0, done.stderr
    cluster.producer.produce(name, b'{"entity":"pin"}')
    assert cluster.producer.flush(30) == 0
    stored = {"Bucket": cluster.settings.bucket, "Prefix": names.topic_prefix(name)}
    objects = wait_for(
        f"an object of {name}",
        lambda: cluster.s3.list_objects_v2(**stored).get("Contents"),
        STORED_WITHIN,
    )
    assert [item["Key"] for item in objects] == [names.object_key(name, 0, 0)]
    body = cluster.s3.get_object(Bucket=cluster.settings.bucket, Key=objects[0]["Key"])["Body"]
    assert body.read() == b'{"entity":"pin"}\n'
