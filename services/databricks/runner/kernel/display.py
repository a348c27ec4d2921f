"""``display``, ``displayHTML`` and ``dbutils.data.summarize``."""

from collections.abc import Iterable
from html import escape
from typing import Any

from IPython.display import HTML, publish_display_data
from IPython.display import display as show
from pyspark.sql import DataFrame, functions
from pyspark.sql.types import TimestampType

ROWS = 1000
"""Rows of a table that are shown; there may be more."""


def display(value: Any = None, *more: Any, **options: Any) -> None:
    """Show a data frame or a list of rows as a table, anything else as IPython does."""
    if isinstance(value, DataFrame) or hasattr(value, "sparkSession"):
        if value.isStreaming:
            query = value.writeStream.format("memory").queryName(f"display_{id(value)}").start()
            print(f"streaming query {query.name} has started")
        else:
            rows = _rows(value)
            _table(value.columns, (tuple(row) for row in rows[:ROWS]), len(rows) > ROWS)
    elif hasattr(value, "itertuples"):  # pandas
        head = value.head(ROWS).itertuples(index=False, name=None)
        _table([str(name) for name in value.columns], head, len(value) > ROWS)
    elif isinstance(value, list | tuple) and value and (names := _names(value[0])):
        _table(names, value[:ROWS], len(value) > ROWS)
    else:
        known = {name: options[name] for name in ("display_id", "metadata") if name in options}
        show(value, **known)


def display_html(html: Any) -> None:
    """Show HTML."""
    show(HTML(str(html)))


def summarize(frame: Any, precise: bool = False) -> None:
    """Show statistics of each column of a data frame of Spark or pandas."""
    display(frame.summary() if isinstance(frame, DataFrame) else frame.describe(include="all").T)


def _rows(frame: DataFrame) -> list[Any]:
    """The first rows, with timestamps as Spark writes them: in the time zone of the session."""
    names = [f"c{number}" for number in range(len(frame.columns))]  # two may have one name
    columns = [
        functions.col(name).cast("string") if isinstance(field.dataType, TimestampType) else name
        for name, field in zip(names, frame.schema, strict=True)
    ]
    rows: list[Any] = frame.toDF(*names).select(*columns).limit(ROWS + 1).collect()
    return rows


def _table(columns: list[str], rows: Iterable[Iterable[Any]], more: bool) -> None:
    texts = [["null" if value is None else str(value) for value in row] for row in rows]
    head = "".join(f"<th>{escape(name)}</th>" for name in columns)
    body = "\n".join(
        f"<tr>{''.join(f'<td>{escape(text)}</td>' for text in row)}</tr>" for row in texts
    )
    note = "There are more rows." if more else ""
    html = f"<table><thead><tr>{head}</tr></thead>\n<tbody>{body}</tbody></table>{note}"
    plain = "\n".join("\t".join(row) for row in [columns, *texts])
    publish_display_data({"text/html": html, "text/plain": f"{plain}\n{note}"})


def _names(value: Any) -> list[str]:
    """Names of the values of a row of Spark, or of a named tuple."""
    return list(getattr(value, "__fields__", getattr(value, "_fields", ())))
