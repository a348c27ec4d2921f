"""Commands of ``pinpipe`` that hand their arguments on to a program of another folder."""

from __future__ import annotations

import sys
from typing import NoReturn

import click

from stack import engine
from stack.show import talk

HELP = {"--help", "-h"}
PASS_ON = {"ignore_unknown_options": True, "help_option_names": []}


def _become(service: str, arguments: tuple[str, ...], *addresses: str) -> NoReturn:
    """Run a program of this stack in place of ``pinpipe``.

    Args:
        service: the program, as docker-compose.yml names it.
        arguments: its arguments.
        addresses: variables of the services that it calls, which must be this stack's; none with
            ``--help``.
    """
    running = engine.choose(talk)
    if not HELP.intersection(arguments):
        running.require(*addresses)
    sys.exit(running.one_shot(service, arguments).foreground())


def _gateway(arguments: tuple[str, ...]) -> tuple[str, ...]:
    """Variables of what the emulator calls."""
    return ("SOURCE_DATABASE_URL", *(() if "--dry-run" in arguments else ("GATEWAY_INVOKE_URL",)))


@click.group()
def emulate() -> None:
    """Send posts as the users of Pinterest would."""


@emulate.command("batch", context_settings=PASS_ON)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def emulate_batch(arguments: tuple[str, ...]) -> None:
    """Send posts down the historical road: API Gateway, REST proxy, Kafka (--help for more)."""
    _become("emulator", arguments, *_gateway(arguments))


@emulate.command("streaming", context_settings=PASS_ON)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def emulate_streaming(arguments: tuple[str, ...]) -> None:
    """Send posts down the real-time road: API Gateway, Kinesis (--help for more)."""
    _become("emulator-streaming", arguments, *_gateway(arguments))


@click.group()
def dataset() -> None:
    """Look after the source database."""


@dataset.command("load", context_settings=PASS_ON)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def dataset_load(arguments: tuple[str, ...]) -> None:
    """Fill the source database with generated posts (--help for more)."""
    own = any(argument.split("=")[0] == "--url" for argument in arguments)
    _become("dataset-load", arguments, *(() if own else ("SOURCE_DATABASE_URL",)))


@click.command(context_settings=PASS_ON)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def batch(arguments: tuple[str, ...]) -> None:
    """Clean what is new in S3 into the Delta tables and compute the nine results (Spark)."""
    _become("spark", arguments, "AWS_ENDPOINT_URL")
