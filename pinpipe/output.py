"""How what was found is shown: tables for a person, JSON for a program; talk goes to stderr."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Sequence
from typing import Any

import click
from rich.console import Console
from rich.table import Table as RichTable


def console() -> Console:
    """A console that wraps nothing where there is no terminal."""
    made = Console(highlight=False, markup=False)
    if not made.is_terminal:
        made.width = 240
    return made


def talk(line: str) -> None:
    """Say on stderr what is being done, with the time."""
    click.echo(f"{time.strftime('%H:%M:%S')} {line}", err=True)


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Print rows under a title; numbers to the right."""
    shown = [tuple(row) for row in rows]
    made = RichTable(title=title or None, title_justify="left", title_style="bold")
    for place, name in enumerate(columns):
        numeric = bool(shown) and all(
            isinstance(row[place], int | float) or row[place] is None for row in shown
        )
        made.add_column(name, justify="right" if numeric else "left", overflow="fold")
    for row in shown:
        made.add_row(*("" if value is None else str(value) for value in row))
    console().print(made)


def as_json(document: Any) -> None:
    """Print a document as JSON."""
    console().out(json.dumps(document, ensure_ascii=False, indent=2, default=str))
