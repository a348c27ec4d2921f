"""Removes keys from addresses in S3 before Spark's JVM sees them.

Old notebooks read ``s3a://KEY:SECRET@bucket/path``. Hadoop refuses such an address, and Spark would
show it in plans, logs and messages. The keys of the environment take the place of those in the
address, as they do for a mount.
"""

import re
from typing import Any

_KEYS = re.compile(r"\b(s3[an]?://)[^\s'\"`/:@]+(?::[^\s'\"`@]*)?@")
"""Keys between scheme and bucket; the secret may contain a slash, which belongs URL-encoded."""


def without_keys(text: str) -> str:
    """A text, such as a path or a statement, without the keys of its addresses."""
    return _KEYS.sub(r"\1", text)


class _Converter:
    """Converts arguments of calls into the JVM, with the methods that py4j calls."""

    def can_convert(self, value: Any) -> bool:
        """Whether the value is a text with keys."""
        return isinstance(value, str) and "@" in value and _KEYS.search(value) is not None

    def convert(self, value: str, client: Any) -> str:
        """The text without the keys."""
        return without_keys(value)


def install() -> None:
    """Remove keys from what the process passes to its JVM from now on."""
    from py4j.protocol import register_input_converter

    register_input_converter(_Converter(), prepend=True)
