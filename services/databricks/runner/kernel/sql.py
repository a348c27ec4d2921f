"""The SQL statements of a cell."""

import re
from collections.abc import Mapping

_OLD_MARKER = re.compile(r"\$\{(\w+)\}|\$(\w+)")
_QUOTED = r"'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\"|`[^`]*`|--[^\n]*|/\*.*?\*/"


def bound(statement: str, values: Mapping[str, str]) -> str:
    """A statement with ``:name`` outside of quotes replaced by the value's literal.

    Spark would take the values themselves, but Delta's parser loses them (delta-spark 4.4.0).
    """

    def literal(match: re.Match[str]) -> str:
        if not match[1] or match[1] not in values:
            return match[0]
        return "'" + values[match[1]].replace("\\", "\\\\").replace("'", "\\'") + "'"

    return re.sub(rf"{_QUOTED}|::|:([A-Za-z_]\w*)", literal, statement, flags=re.DOTALL)


def statements(text: str, values: Mapping[str, str]) -> list[str]:
    """SQL statements of a cell, parted by semicolons, with the values of its widgets.

    ``${name}`` and ``$name`` are replaced everywhere, ``:name`` outside of quotes.
    """

    def old(match: re.Match[str]) -> str:
        return values.get(match[1] or match[2], match[0])

    text = _OLD_MARKER.sub(old, text)
    found, start = [], 0
    for match in re.finditer(f"{_QUOTED}|;", text, re.DOTALL):
        if match[0] == ";":
            found.append(text[start : match.start()])
            start = match.end()
    found.append(text[start:])
    bare = [re.sub(r"--[^\n]*|/\*.*?\*/", "", part, flags=re.DOTALL).strip() for part in found]
    return [bound(part.strip(), values) for part, rest in zip(found, bare, strict=True) if rest]
