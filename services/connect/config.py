"""The S3 sink's configuration: connector.json with the names and settings filled in."""

import json
from pathlib import Path
from string import Template

from contract import names
from contract.settings import Settings

TEMPLATE = Path(__file__).with_name("connector.json")
"""The original's 13 properties, with this project's classes, then the additional ones."""


def connector_name(settings: Settings) -> str:
    """Return the name of the connector; its consumer group is ``connect-<name>``."""
    return f"{settings.user_id}-s3-sink"


def connector_config(settings: Settings) -> dict[str, str]:
    """Return the configuration for Connect's REST API and for MSK Connect."""
    values = {
        "aws_region": settings.aws_region,
        "bucket": settings.bucket,
        "dead_letter_topic": names.dead_letter_topic(settings.user_id),
        "flush_size": settings.s3_sink_flush_size,
        "rotate_interval_ms": settings.s3_sink_rotate_interval_ms,
        "topics_regex": names.topics_regex(settings.user_id, settings.kafka_topics),
    }
    template: dict[str, str] = json.loads(TEMPLATE.read_text(encoding="utf-8"))
    config = {key: Template(value).substitute(values) for key, value in template.items()}
    if settings.aws_endpoint_url:
        config["store.url"] = settings.aws_endpoint_url
        # As over HTTPS on AWS. The SHA-256 of all bytes would take most of the sink's time.
        config["s3.payload.signing.enabled"] = "false"
    return config
