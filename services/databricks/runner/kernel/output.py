"""What a kernel sends to its client: bounded in size, without the secrets that were read."""

from __future__ import annotations

import sys
from typing import Any

from ipykernel.kernelapp import IPKernelApp
from jupyter_client.session import Session
from traitlets.config import Config

MESSAGE_CHARACTERS = 1_000_000
"""Characters of one output; a longer text is cut, anything else is replaced by a note."""
_OUTPUTS = ("stream", "display_data", "update_display_data", "execute_result", "error")

secrets: set[str] = set()
"""Texts that are shown as ``[REDACTED]``."""


def clean(text: str) -> str:
    """A text without the secrets."""
    for secret in secrets:
        text = text.replace(secret, "[REDACTED]")
    return text


def _cleaned(value: Any) -> Any:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        return {key: _cleaned(item) for key, item in value.items()}
    return [_cleaned(item) for item in value] if isinstance(value, list) else value


def _size(value: Any) -> int:
    if isinstance(value, dict):
        return sum(map(_size, value.values()))
    return sum(map(_size, value)) if isinstance(value, list) else len(str(value))


def bounded(kind: str, content: dict[str, Any]) -> dict[str, Any]:
    """The content of an output, cut or replaced when it is too long."""
    content = _cleaned(content)
    if _size(content) <= MESSAGE_CHARACTERS:
        return content
    if kind == "stream":
        return content | {"text": content["text"][:MESSAGE_CHARACTERS] + "\n[cut]\n"}
    if kind == "error":
        return content | {
            "evalue": content["evalue"][:MESSAGE_CHARACTERS],
            "traceback": [str(content["evalue"])[:MESSAGE_CHARACTERS]],
        }
    return content | {"data": {"text/plain": "This output is too long to be shown."}}


class BoundedSession(Session):
    """A session that bounds each output."""

    def send(
        self, stream: Any, msg_or_type: Any, content: Any = None, *args: Any, **kwargs: Any
    ) -> Any:
        """Send a message."""
        if isinstance(msg_or_type, str):
            if msg_or_type in _OUTPUTS:
                content = bounded(msg_or_type, content)
        elif (kind := msg_or_type["header"]["msg_type"]) in _OUTPUTS:
            msg_or_type["content"] = bounded(kind, msg_or_type["content"])
        return super().send(stream, msg_or_type, content, *args, **kwargs)


class _Log:
    """The log of the task, for what cells print."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def read(self) -> str:  # OutStream asks for it
        return ""

    def write(self, text: str) -> int:
        return int(self._stream.write(clean(text)))

    def flush(self) -> None:
        self._stream.flush()


class KernelApp(IPKernelApp):
    """The application of a kernel; what cells print goes to the log of the task as well."""

    def __init__(self, kernel_class: type) -> None:
        config = Config()
        config.HistoryManager.enabled = False
        super().__init__(
            config=config, kernel_class=kernel_class, quiet=False, capture_fd_output=False
        )
        self.default_extensions: list[str] = []

    def _session_default(self) -> Session:
        return BoundedSession(parent=self)

    def log_connection_info(self) -> None:
        """Print nothing into the log of the task."""

    def init_io(self) -> None:
        """Redirect the output of Python."""
        super().init_io()
        for stream, original in ((sys.stdout, sys.__stdout__), (sys.stderr, sys.__stderr__)):
            stream.echo = _Log(original)  # type: ignore[union-attr]
