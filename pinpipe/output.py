"""Prints tables for a person and JSON for a program on stdout, and progress messages on stderr."""

import json
import time
from collections.abc import Iterable, Sequence
from typing import Any

import click
from rich.console import Console
from rich.table import Table as RichTable


def console() -> Console:
    """A console that doesn't wrap lines unless stdout is a terminal."""
    made = Console(highlight=False, markup=False)
    if not made.is_terminal:
        made.width = 240
    return made


def report(line: str) -> None:
    """Print a progress message with the time on stderr."""
    click.echo(f"{time.strftime('%H:%M:%S')} {line}", err=True)


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Print rows under a title, numbers aligned to the right."""
    listed = [tuple(row) for row in rows]
    made = RichTable(title=title or None, title_justify="left", title_style="bold")
    for index, name in enumerate(columns):
        numeric = bool(listed) and all(
            isinstance(row[index], int | float) or row[index] is None for row in listed
        )
        made.add_column(name, justify="right" if numeric else "left", overflow="fold")
    for row in listed:
        made.add_row(*("" if value is None else str(value) for value in row))
    console().print(made)


def as_json(document: Any) -> None:
    """Print a document as JSON."""
    console().out(json.dumps(document, ensure_ascii=False, indent=2, default=str))
