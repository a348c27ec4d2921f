"""``pinpipe watch``: the live metrics of the streaming pipeline, as they change.

The streaming job computes them (``spark/pipeline/streaming/metrics.py``). A window ends with the
newest record of its stream, so the numbers of a stream without new records don't change.
"""

import time
from datetime import UTC, datetime
from typing import Any

from rich.columns import Columns
from rich.console import Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from contract import names
from contract.entities import ENTITIES, Entity
from hops import tables
from hops.access import Access
from hops.errors import HopError
from pinpipe.output import console

WINDOWS = ("minute", "hour")

Row = dict[str, Any]


def watch(access: Access, top: int, every: float | None) -> None:
    """Show the metrics until Ctrl-C, or once if ``every`` is None.

    Args:
        access: the stack.
        top: rows of each ranking.
        every: seconds between two refreshes.

    Raises:
        HopError: the first read of the tables fails.
    """
    out = console()
    metrics = layout(_rows(access), top, datetime.now(UTC))
    if every is None:
        out.print(metrics)
        return
    with Live(metrics, console=out, auto_refresh=False, screen=out.is_terminal) as live:
        try:
            while True:
                time.sleep(every)
                live.update(_refreshed(access, top), refresh=True)
        except KeyboardInterrupt:
            return


def _refreshed(access: Access, top: int) -> RenderableType:
    try:
        found = _rows(access)
    except HopError as error:  # while the stack restarts
        return Text(str(error))
    return layout(found, top, datetime.now(UTC))


def _rows(access: Access) -> dict[Entity, list[Row]]:
    """Return the rows of each entity's stream."""
    table = tables.live(access)
    rows, user_id = table.rows if table else [], access.settings.user_id
    return {
        entity: [row for row in rows if row["stream"] == names.stream(user_id, entity)]
        for entity in ENTITIES
    }


def layout(found: dict[Entity, list[Row]], top: int, now: datetime) -> RenderableType:
    """Lay out the live metrics of every stream.

    Args:
        found: rows of each entity's stream, as ``spark.pipeline.schemas.LIVE`` has them.
        top: rows of each ranking.
        now: the time, with its zone.
    """
    sections: list[RenderableType] = [_streams(found, now)]
    for title, metric in (("Categories", "category"), ("Countries", "country")):
        leaders = [
            _leaders(f"{title}, last {window}", _of(found, metric, window), top)
            for window in WINDOWS
        ]
        sections.append(Columns(leaders, padding=(0, 3)))
    bad = _of(found, "quarantined", "hour")
    if bad:
        sections.append(_leaders("Quarantined, last hour", bad, top, "records"))
    return Group(*sections)


def _streams(found: dict[Entity, list[Row]], now: datetime) -> Table:
    made = Table(title="Streams", title_justify="left", title_style="bold")
    made.add_column("stream")
    for name in ("posts/minute", "posts/hour", "p50 ms", "p95 ms", "newest"):
        made.add_column(name, justify="right")
    for entity, rows in found.items():
        posts = {row["window"]: row for row in rows if row["metric"] == "posts"}
        fresh = {row["label"]: str(row["value"]) for row in rows if row["metric"] == "freshness"}
        if not posts:
            made.add_row(entity.name, *["-"] * 4, "nothing yet")
            continue
        age = (now - posts["minute"]["end"]).total_seconds()
        made.add_row(
            posts["minute"]["label"],
            *(str(posts[window]["value"]) for window in WINDOWS),
            *(fresh.get(name, "-") for name in ("p50", "p95")),
            f"{max(age, 0):.0f} s ago",
        )
    return made


def _of(found: dict[Entity, list[Row]], metric: str, window: str) -> list[Row]:
    rows = [row for rows_of_stream in found.values() for row in rows_of_stream]
    return [row for row in rows if row["metric"] == metric and row["window"] == window]


def _leaders(title: str, rows: list[Row], top: int, counted: str = "posts") -> Table:
    made = Table(title=title, title_justify="left", title_style="bold")
    made.add_column("", justify="right")
    made.add_column("", min_width=20)
    made.add_column(counted, justify="right")
    for row in sorted(rows, key=lambda row: (row["rank"], row["label"] or ""))[:top]:
        made.add_row(str(row["rank"]), row["label"] or "(none)", str(row["value"]))
    return made
