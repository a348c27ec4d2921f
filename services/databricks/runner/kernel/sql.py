"""The SQL statements of a cell."""

import re
from collections.abc import Mapping

from services.databricks.runner.dbutils.dbutils import Widgets

_OLD_MARKER = re.compile(r"\$\{(\w+)\}|\$(\w+)")
_QUOTED = r"'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\"|`[^`]*`|--[^\n]*|/\*.*?\*/"
_MARKER = re.compile(
    rf"""\bgetArgument\(\s*(["'])(\w+)\1\s*\)|{_QUOTED}|::|:([A-Za-z_]\w*)""", re.I | re.S
)
_WIDGET = re.compile(
    r"(?:\s|--[^\n]*\n|/\*.*?\*/)*"
    r"(?:CREATE\s+WIDGET\s+(?:TEXT|DROPDOWN|COMBOBOX|MULTISELECT)\s+`?(\w+)`?\s+DEFAULT\s+"
    rf"({_QUOTED}|\S+)(?:\s+CHOICES\s.*)?|REMOVE\s+WIDGET\s+`?(\w+)`?)\s*",
    re.I | re.S,
)


def define(statement: str, widgets: Widgets) -> bool:
    """Create or remove a widget, if that is what the statement does; return whether it is."""
    match = _WIDGET.fullmatch(statement)
    if match and match[3]:
        widgets.remove(match[3])
    elif match:
        quoted = match[2][0] in "'\""
        widgets.text(match[1], re.sub(r"\\(.)", r"\1", match[2][1:-1]) if quoted else match[2])
    return match is not None


def bound(statement: str, values: Mapping[str, str]) -> str:
    """A statement with the values of widgets.

    ``${name}`` and ``$name`` are replaced everywhere; ``:name`` and ``getArgument('name')`` outside
    of quotes, by the value's literal.

    Spark would take the values themselves, but Delta's parser loses them (delta-spark 4.4.0).
    """

    def literal(match: re.Match[str]) -> str:
        name = match[2] or match[3]
        if name not in values:
            return match[0]
        return "'" + values[name].replace("\\", "\\\\").replace("'", "\\'") + "'"

    def old(match: re.Match[str]) -> str:
        return values.get(match[1] or match[2], match[0])

    return _MARKER.sub(literal, _OLD_MARKER.sub(old, statement))


def statements(text: str) -> list[str]:
    """SQL statements of a cell, parted by semicolons."""
    found, start = [], 0
    for match in re.finditer(f"{_QUOTED}|;", text, re.DOTALL):
        if match[0] == ";":
            found.append(text[start : match.start()])
            start = match.end()
    found.append(text[start:])
    bare = [re.sub(r"--[^\n]*|/\*.*?\*/", "", part, flags=re.DOTALL).strip() for part in found]
    return [part.strip() for part, rest in zip(found, bare, strict=True) if rest]
