"""The innermost cause of an error of Spark, in one line.

Spark wraps an error several times: a failed cast is the cause of a failed task, which is the cause
of a failed write, which is the cause of a failed query. The links are exceptions of Java and of
Python, and tracebacks in the text of a message. This package imports neither py4j nor pyspark and
recognizes their exceptions by their attributes.
"""

import re
from collections.abc import Iterator
from typing import Any

_TRACEBACK = "Traceback (most recent call last):"
_CLASS = re.compile(r"^[\w.$]+: ")
"""The class before the message of an exception."""
_CONDITION = re.compile(r"^\[[A-Z][A-Z0-9_.]+\] ")
"""Name of an error condition of Spark or Delta; its message is complete without its class."""
_WRAPPER = re.compile(r"\[STREAM_FAILED\]|Job aborted|An exception was raised by the Python Proxy")
"""Messages that repeat those of their causes."""
DEPTH = 50
"""Most causes that are followed, because they may form a circle."""


def innermost(error: Any) -> str:
    """Return the message of the first cause, in one line.

    A cause counts only if its message adds something to the error that it caused. A message that
    Python code raises is deliberate: its ``__cause__`` is ignored.

    Args:
        error: an exception of Python, or one of Java as py4j passes it on.
    """
    found = ""
    for line in _lines(error):
        message = _CLASS.sub("", line)
        if not found or _WRAPPER.search(found) or _CONDITION.match(message) or message not in found:
            found = message if _CONDITION.match(message) else line
    return found or type(error).__name__


def _lines(error: Any) -> Iterator[str]:
    """The relevant line of each link, the outermost first."""
    java = error
    if isinstance(error, BaseException):
        java = getattr(error, "java_exception", None) or getattr(error, "_origin", None)
        if java is None:
            yield from _of_text(_named(error))
            cause = getattr(error, "_cause", None)
            if cause is not None:
                yield from _lines(cause)
            return
    for _ in range(DEPTH):
        if java is None:
            return
        try:
            if java.getMessage():
                yield from _of_text(java.toString())
            java = java.getCause()
        except Exception:  # the JVM has ended, and the rest of the chain with it
            return


def _named(error: BaseException) -> str:
    """The message of an error with its class, which errors of this project omit."""
    text = str(error).strip()
    # By name: a task may import this project's exceptions from a wheel, as different classes.
    ours = any(base.__name__ == "PipelineError" for base in type(error).__mro__)
    if text and ours:
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _of_text(text: str) -> Iterator[str]:
    """The first line of a message, and the last line of each traceback in it."""
    lines = [line for line in text.splitlines() if line.strip()]
    if lines:
        yield lines[0].strip()
    tracebacks = [number for number, line in enumerate(lines) if line.endswith(_TRACEBACK)]
    if tracebacks:
        rest = lines[tracebacks[-1] + 1 :]
        yield from [line.strip() for line in rest if not line[0].isspace()][:1]
    yield from re.findall(r"^Caused by: (.+)$", text, re.MULTILINE)[-1:]
