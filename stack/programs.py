"""Commands of ``pinpipe`` that hand their arguments on to a program of another folder."""

from __future__ import annotations

import sys

import click

from stack import engine
from stack.show import talk

PASS_ON = {"ignore_unknown_options": True, "help_option_names": []}


@click.group()
def emulate() -> None:
    """Send posts as the users of Pinterest would."""


@emulate.command("batch", context_settings=PASS_ON)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def emulate_batch(arguments: tuple[str, ...]) -> None:
    """Send posts down the historical road: API Gateway, REST proxy, Kafka (--help for more)."""
    sys.exit(engine.choose(talk).one_shot("emulator", arguments).foreground())


@emulate.command("streaming", context_settings=PASS_ON)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def emulate_streaming(arguments: tuple[str, ...]) -> None:
    """Send posts down the real-time road: API Gateway, Kinesis (--help for more)."""
    sys.exit(engine.choose(talk).one_shot("emulator-streaming", arguments).foreground())


@click.group()
def dataset() -> None:
    """Look after the source database."""


@dataset.command("load", context_settings=PASS_ON)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def dataset_load(arguments: tuple[str, ...]) -> None:
    """Fill the source database with generated posts (--help for more)."""
    sys.exit(engine.choose(talk).one_shot("dataset-load", arguments).foreground())


@click.command(context_settings=PASS_ON)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def batch(arguments: tuple[str, ...]) -> None:
    """Clean what is new in S3 into the Delta tables and compute the nine results (Spark)."""
    sys.exit(engine.choose(talk).one_shot("spark", arguments).foreground())
