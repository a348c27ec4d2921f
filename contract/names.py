"""The names of topics, streams, buckets, objects and tables.

Every name contains the user id, as on the original's AWS account, where it is an IAM user name of
12 hex characters.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from contract.entities import ENTITIES, Entity
from contract.errors import WireError

TOPICS_DIR = "topics"
"""Prefix of every object of the S3 sink (its ``topics.dir``)."""

OFFSET_WIDTH = 10
"""Digits of the start offset in an object's key (``filename.offset.zero.pad.width``)."""


def topic(user_id: str, entity: Entity) -> str:
    """Kafka topic of one entity."""
    return f"{user_id}.{entity.name}"


def topics(user_id: str) -> tuple[str, ...]:
    """The three Kafka topics, in sending order."""
    return tuple(topic(user_id, entity) for entity in ENTITIES)


END_TO_END = "e2e"
"""Suffix of a user id, with 8 hex digits, that stands for a run of tests/e2e (decision 0015)."""


def topics_regex(user_id: str, further: Iterable[str] = ()) -> str:
    """``topics.regex`` of the S3 sink: topics of the user id, or of a run of its end-to-end tests.

    It matches no topic of an id that begins alike, and not the dead-letter topic.
    """
    own = rf"{user_id}({END_TO_END}[0-9a-f]{{8}})?\..+"
    others = [name.replace(".", r"\.") for name in further if not re.fullmatch(own, name)]
    return "|".join((own, *others))


def dead_letter_topic(user_id: str) -> str:
    """Topic of the records that the S3 sink cannot store."""
    return f"dead-letter.{user_id}"


def stream(user_id: str, entity: Entity) -> str:
    """Kinesis stream of one entity."""
    return f"streaming-{user_id}-{entity.name}"


def streams(user_id: str) -> tuple[str, ...]:
    """The three Kinesis streams, in sending order."""
    return tuple(stream(user_id, entity) for entity in ENTITIES)


def bucket(user_id: str) -> str:
    """S3 bucket of the S3 sink and of the Delta tables."""
    return f"user-{user_id}-bucket"


def artefact_bucket(user_id: str) -> str:
    """S3 bucket of the artefacts for MSK Connect and MWAA."""
    return f"user-{user_id}-artefacts"


def rest_api_id(user_id: str) -> str:
    """Id of the REST API in LocalStack (tag ``_custom_id_``); AWS generates its own."""
    return f"api{user_id}"


def table(user_id: str, entity: Entity) -> str:
    """Delta table of one entity's cleaned rows."""
    return f"{user_id}_{entity.name}_table"


def quarantine_table(user_id: str, entity: Entity) -> str:
    """Delta table of one entity's records that cannot be cleaned."""
    return f"{user_id}_{entity.name}_quarantine"


def arrivals_table(user_id: str, entity: Entity) -> str:
    """Delta table of one stream's counted posts; it has its former name, so that data stays."""
    return f"{user_id}_{entity.name}_arrivals"


def live_table(user_id: str) -> str:
    """Delta table of the live metrics of all three streams."""
    return f"{user_id}_live"


def result_table(user_id: str, result: str) -> str:
    """Delta table of one historical result, such as ``4`` or ``6a``."""
    return f"{user_id}_result_{result}"


def dag(user_id: str) -> str:
    """Airflow's DAG."""
    return f"{user_id}_dag"


def topic_prefix(topic_name: str) -> str:
    """Prefix of every object of one topic, with the closing slash."""
    return f"{TOPICS_DIR}/{topic_name}/"


def object_key(topic_name: str, partition: int, start_offset: int) -> str:
    """Key of the object whose first record has ``start_offset``."""
    return (
        f"{topic_prefix(topic_name)}partition={partition}/"
        f"{topic_name}+{partition}+{start_offset:0{OFFSET_WIDTH}d}.json"
    )


@dataclass(frozen=True, slots=True)
class ObjectPosition:
    """The position of an object's first record, from the object's key."""

    topic: str
    partition: int
    start_offset: int


_OBJECT_KEY = re.compile(
    rf"(?:^|.*/){TOPICS_DIR}/(?P<topic>[^/]+)/partition=(?P<partition>\d+)/"
    rf"(?P=topic)\+(?P=partition)\+(?P<offset>\d{{{OFFSET_WIDTH},}})\.json$"
)


def parse_object_key(key: str) -> ObjectPosition:
    """Parse the topic, partition and start offset in a key or URI of an object.

    Raises:
        WireError: the key is not one that the S3 sink writes.
    """
    match = _OBJECT_KEY.match(key)
    if match is None:
        raise WireError(f"object key {key!r} is not of the S3 sink's layout")
    return ObjectPosition(match["topic"], int(match["partition"]), int(match["offset"]))
