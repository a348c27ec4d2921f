"""The numbers of options: each has a range, and a message names the option and the value."""

from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from contract.values import MOST, positive_seconds, seconds
from emulator import user_posting_emulation, user_posting_emulation_streaming
from emulator.dataset.cli import dataset
from pinpipe.cli import main

PROGRAMS: tuple[click.Command, ...] = (
    main,
    dataset,
    user_posting_emulation.batch,
    user_posting_emulation_streaming.streaming,
)
REFUSED = ("nan", "inf", "-inf", "-1", "1e400", "x", "", str(MOST + 1), str(10**30))


def options(command: click.Command, *path: str) -> Iterator[tuple[tuple[str, ...], click.Option]]:
    """Every option of a program that takes a number, with the names of its command."""
    if isinstance(command, click.Group):
        for name, inner in command.commands.items():
            yield from options(inner, *path, name)
        return
    for option in command.params:
        kind = option.type
        of_seconds = getattr(kind, "func", None) in (seconds, positive_seconds)
        number = isinstance(kind, click.types.IntParamType | click.types.FloatParamType)
        if isinstance(option, click.Option) and (of_seconds or number):
            yield path, option


CASES = [
    pytest.param(program, path, option, id=" ".join([program.name or "", *path, option.opts[0]]))
    for program in PROGRAMS
    for path, option in options(program)
]


def test_options_are_found() -> None:
    names = {case.values[2].opts[0] for case in CASES}  # type: ignore[union-attr]
    assert names >= {
        "--posts",
        "--wait",
        "--limit",
        "--top",
        "--count",
        "--retry-seconds",
        "--seed",
    }


@pytest.mark.parametrize(("program", "path", "option"), CASES)
def test_a_number_out_of_range_is_named(
    program: click.Command, path: tuple[str, ...], option: click.Option
) -> None:
    for value in REFUSED:
        done = CliRunner().invoke(program, [*path, f"{option.opts[0]}={value}"])
        assert done.exit_code == 2, (value, done.output)
        assert f"Invalid value for '{option.opts[0]}'" in done.output
        assert value in done.output


@pytest.mark.parametrize("value", REFUSED)
def test_seconds_out_of_range_are_refused(value: str) -> None:
    for parse in (seconds, positive_seconds):
        with pytest.raises(ValueError, match=r"is not a number of seconds|could not convert"):
            parse(value)
    with pytest.raises(ValueError, match="above 0"):
        positive_seconds("0")
    assert (seconds("0"), positive_seconds(0.5)) == (0, 0.5)
