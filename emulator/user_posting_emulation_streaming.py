"""The streaming program: sends posts through API Gateway to Kinesis (hop 2)."""

from typing import Any

import click

from emulator.options import emulate, posting
from emulator.routes.kinesis import LONGEST_KEY, MOST_RECORDS, KinesisRoute


def _partition_key(
    _context: click.Context, _option: click.Parameter, value: str | None
) -> str | None:
    if value is not None and not 1 <= len(value) <= LONGEST_KEY:
        raise click.BadParameter(f"{value!r} has not 1 to {LONGEST_KEY} characters")
    return value


@click.command()
@posting(MOST_RECORDS)
@click.option(
    "--partition-key",
    metavar="KEY",
    callback=_partition_key,
    help="Partition key of every record.  [default: each row's own key]",
)
def streaming(partition_key: str | None, **options: Any) -> None:
    """Send posts to the streaming pipeline: API Gateway, Kinesis.

    The exit code is 0 if every row was acknowledged, also after SIGINT or SIGTERM, which end the
    run cleanly, and else 1.

    Example: pinpipe emulate streaming --count 500 --rate 20
    """
    emulate(lambda settings: KinesisRoute(settings, partition_key), **options)


if __name__ == "__main__":
    streaming(prog_name="pinpipe emulate streaming")
