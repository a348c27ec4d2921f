"""The layout of the live metrics on a terminal."""

from datetime import UTC, datetime, timedelta
from typing import Any

from rich.console import Console

from contract.entities import GEO, PIN, USER
from pinpipe.watch import layout

END = datetime(2026, 11, 25, 12, tzinfo=UTC)


def row(metric: str, window: str, label: str | None, value: int, rank: int = 1) -> dict[str, Any]:
    """A row of the live metrics."""
    names = ("metric", "window", "start", "end", "label", "value", "rank")
    start = END - timedelta(minutes=1)
    return dict(zip(names, (metric, window, start, END, label, value, rank), strict=True))


def lines_of(found: dict[Any, list[dict[str, Any]]], top: int = 2) -> list[list[str]]:
    """The words of each printed line."""
    # With both, rich asks no terminal for its size.
    console = Console(width=160, height=50, no_color=True, record=True)
    with console.capture() as capture:
        console.print(layout(found, top, END + timedelta(seconds=7)))
    lines = capture.get().splitlines()
    return [words for line in lines if (words := line.replace("│", " ").replace("┃", " ").split())]


def test_streams_rankings_and_quarantined_records_are_shown() -> None:
    found = {
        PIN: [
            row("posts", "minute", "streaming-a-pin", 3),
            row("posts", "hour", "streaming-a-pin", 40),
            row("freshness", "minute", "p50", 900),
            row("freshness", "minute", "p95", 1800),
            row("category", "minute", "art", 2, 1),
            row("category", "minute", "tattoos", 1, 2),
            row("category", "minute", "travel", 1, 2),
            row("category", "hour", None, 40, 1),
        ],
        GEO: [
            row("posts", "minute", "streaming-a-geo", 0),
            row("posts", "hour", "streaming-a-geo", 1),
            row("quarantined", "hour", "not_json", 5),
        ],
        USER: [],
    }
    lines = lines_of(found)
    assert ["streaming-a-pin", "3", "40", "900", "1800", "7", "s", "ago"] in lines
    assert ["streaming-a-geo", "0", "1", "-", "-", "7", "s", "ago"] in lines
    assert ["user", "-", "-", "-", "-", "nothing", "yet"] in lines
    text = "\n".join(" ".join(words) for words in lines)
    assert "1 art 2 1 (none) 40" in text  # the last minute and the last hour, side by side
    assert "2 tattoos 1" in text
    assert "travel" not in text  # its rank is below the limit
    assert "1 not_json 5" in text


def test_streams_without_records_are_no_error() -> None:
    text = "\n".join(" ".join(words) for words in lines_of({PIN: [], GEO: [], USER: []}))
    assert text.count("nothing yet") == 3
    assert "Quarantined" not in text
