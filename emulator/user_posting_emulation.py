"""The batch program: sends posts through API Gateway to the Kafka REST proxy (hop 2)."""

from typing import Any

import click

from emulator.options import emulate, posting
from emulator.routes.kafka import MOST_RECORDS, KafkaRoute


@click.command()
@posting(MOST_RECORDS)
def batch(**options: Any) -> None:
    """Send posts to the batch pipeline: API Gateway, REST proxy, Kafka.

    The exit code is 0 if every row was acknowledged, also after SIGINT or SIGTERM, which end the
    run cleanly, and else 1.

    Example: pinpipe emulate batch --count 500 --rate max --batch-size 100
    """
    emulate(KafkaRoute, **options)


if __name__ == "__main__":
    batch(prog_name="pinpipe emulate batch")
