"""A request that has found its place in the table of calls."""

from __future__ import annotations

from dataclasses import dataclass

from services.rest_proxy.errors import ApiError


@dataclass(slots=True)
class Call:
    """What a handler is told of its request."""

    path: dict[str, str]
    query: dict[str, str]
    content_type: str
    accept: str
    base: str
    """Scheme and host, as the client has written them."""
    body: bytes = b""

    def partition(self) -> int:
        """The partition in the path.

        Raises:
            ApiError: 404, it is no number.
        """
        text = self.path["partition"]
        if not text.isdecimal() or len(text) > 10:
            raise ApiError(404)
        return int(text)

    def number(self, name: str) -> int | None:
        """A number in the query, 2**31 - 1 where it is larger; None where there is none above 0.

        Raises:
            ApiError: 400, it is no number.
        """
        text = self.query.get(name, "-1")
        try:
            value = int(text)
        except ValueError:
            raise ApiError(400, message=f"{name}={text!r} is not a whole number") from None
        return min(value, 2**31 - 1) if value > 0 else None
