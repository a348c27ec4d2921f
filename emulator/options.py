"""The command line of the emulator's two programs (hop 2)."""

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import click

from contract.errors import PipelineError
from contract.settings import Settings
from contract.values import MOST, positive_seconds, seconds
from emulator.delivery.accounting import Accounting
from emulator.delivery.outbox import Outbox
from emulator.delivery.request import Route
from emulator.delivery.retry import Retry
from emulator.delivery.sender import Sender
from emulator.emulation import Emulation, Plan
from emulator.progress import Meter
from emulator.source import Source
from emulator.stop import Stop

MOST_IN_FLIGHT = 16
"""Concurrent requests up to which --rate raises --in-flight."""


class Rate(click.ParamType[float | None]):
    """``original`` (None), ``max`` or 0 (0), or posts per second."""

    name = "rate"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float | None:
        """Parse the value of the option."""
        if value in ("original", None):
            return None
        try:
            rate = 0.0 if value == "max" else float(value)
        except ValueError:
            rate = -1
        if not 0 <= rate < float("inf"):
            self.fail(f"{value!r} is not 'original', 'max' or posts per second", param, ctx)
        return rate


_OPTIONS: tuple[Callable[[Any], Any], ...] = (
    click.option(
        "--rate",
        type=Rate(),
        metavar="RATE",
        help="Posts per second; 'max' or 0 is as fast as possible; 'original' is a pause of 0 or "
        "1 s before each post, as in the original project.  "
        "[default: original; max with --dry-run]",
    ),
    click.option("--count", type=click.IntRange(1, MOST), help="Posts to send.  [default: no end]"),
    click.option(
        "--in-flight",
        type=click.IntRange(1, 256),
        help="Concurrent requests. The rows of one key arrive in order in their topic or "
        "stream. With more than 1, posts of different keys may overtake each other.  "
        f"[default: 1; with --rate N as many as N takes, at most {MOST_IN_FLIGHT}]",
    ),
    click.option(
        "--start", type=click.IntRange(0, MOST), default=0, help="Skip the first START posts."
    ),
    click.option(
        "--order",
        type=click.Choice(["original", "sequential"]),
        default="original",
        show_default=True,
        help="The random keys of the original project, which repeat, or every key of the source "
        "once, from the first to the last.",
    ),
    click.option(
        "--resume",
        is_flag=True,
        help="Go on in the order after the last post that a run of this program has drawn.",
    ),
    click.option("--loop", is_flag=True, help="Start over at the end of --count or of the source."),
    click.option(
        "--retry-seconds",
        type=seconds,
        default=Retry().seconds,
        show_default=True,
        help="Seconds to retry after no response, a 5xx, a 429 or a failed read of the source.",
    ),
    click.option(
        "--timeout",
        type=positive_seconds,
        default=Retry().timeout,
        show_default=True,
        help="Seconds to wait for a response.",
    ),
    click.option("--dry-run", is_flag=True, help="Print the requests as JSON lines, send none."),
    click.option("--json", "as_json", is_flag=True, help="Print the counts as JSON."),
)


def posting(most: int) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add the emulator's options to a command whose requests have at most ``most`` rows."""
    batch_size = click.option(
        "--batch-size",
        type=click.IntRange(1, most),
        default=1,
        show_default=True,
        help="Rows of a request; the original project sends 1.",
    )

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed((*_OPTIONS[:2], batch_size, *_OPTIONS[2:])):
            command = option(command)
        return command

    return decorate


def emulate(
    route: Callable[[Settings], Route],
    *,
    rate: float | None,
    count: int | None,
    batch_size: int,
    in_flight: int | None,
    start: int,
    order: str,
    resume: bool,
    loop: bool,
    retry_seconds: float,
    timeout: float,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Run a program with the values of its options; exit with its code."""
    if resume and (start or dry_run):
        raise click.UsageError("--resume goes with neither --start nor --dry-run")
    rate_source = click.get_current_context().get_parameter_source("rate")
    if dry_run and rate_source is click.core.ParameterSource.DEFAULT:
        rate = 0.0
    accounting = Accounting()
    meter = Meter(accounting, None if loop else count)
    try:
        with ExitStack() as stack:
            settings = Settings.from_environ()
            source = stack.enter_context(closing(Source(settings.source_database_url)))
            posts_on = route(settings)
            path = Path(settings.emulator_outbox)
            outbox = None if dry_run else stack.enter_context(closing(Outbox(path, posts_on)))
            if resume and outbox:
                start = outbox.place(order)
            if order == "sequential":
                _check_bounds(source.count(), start, count, resume, loop, meter)
            plan = Plan(order, start, count, loop, rate, batch_size, resume)
            stop = stack.enter_context(Stop())
            retry = Retry(retry_seconds, timeout)
            emulation = Emulation(plan, source, accounting, meter, stop, retry)
            if outbox is None:
                emulation.dry_run(posts_on, sys.stdout)
                sys.exit(0 if accounting.complete else 1)
            begun = time.monotonic()
            sender = Sender(
                posts_on,
                outbox,
                accounting,
                stop.event,
                in_flight=in_flight or 1,
                most=MOST_IN_FLIGHT if rate and in_flight is None else 1,
                retry=retry,
                report=meter.say,
            )
            try:
                with meter:
                    emulation.run(sender, outbox)
            finally:
                _report(meter, accounting, time.monotonic() - begun, stop.signal, path, as_json)
    except PipelineError as error:
        raise click.ClickException(str(error)) from error
    except BrokenPipeError:
        # The reader of the dry run closed its end; Python must not flush at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(128 + signal.SIGPIPE)
    sys.exit(0 if accounting.complete else 1)


def _check_bounds(
    posts: int, start: int, count: int | None, resume: bool, loop: bool, meter: Meter
) -> None:
    """Reject a start beyond the source, and report a count beyond it."""
    left = posts - start
    if left <= 0 and resume and loop:
        return  # it starts over
    if left <= 0:
        raise click.BadParameter(
            f"{start} leaves none of the source's {posts:,} posts",
            click.get_current_context(),
            param_hint="'--resume'" if resume else "'--start'",
        )
    if count is not None and count > left and not loop:
        meter.say(f"--count {count}: the source has {left:,} posts from --start {start} on")


def _report(
    meter: Meter,
    accounting: Accounting,
    seconds: float,
    signal_name: str | None,
    outbox: Path,
    as_json: bool,
) -> None:
    for reason, rows in accounting.reasons.most_common(5):
        meter.say(f"{rows} rows failed: {reason}")
    total = accounting.total
    line = (
        f"{accounting.posts} posts in {seconds:.1f} s: {total.sent} rows sent, "
        f"{total.acknowledged} acknowledged, {total.failed} failed, {total.retried} retried"
    )
    if total.missing:
        line += f", {total.missing} missing in the source"
    if accounting.replayed:
        line += f"; {accounting.replayed} of them from an earlier run"
    if accounting.kept:
        line += f"; {accounting.kept} stay in {outbox}, and the next run sends them first"
    if signal_name:
        line += f"; stopped by {signal_name}"
    meter.say(line)
    if as_json:
        summary = {**accounting.summary(), "seconds": round(seconds, 3), "signal": signal_name}
        click.echo(json.dumps(summary, ensure_ascii=False))
