"""Types of the names that clients send, each with the values that Kafka's client library accepts.

The library aborts the process for a group name of blanks or a topic of 1,000 characters, and
Kafka's protocol has 16 bits for the length of a string. So every name that reaches the library has
one of the types below. A topic or an instance in a path needs none: it is looked up among those
that exist.
"""

from typing import Annotated

import msgspec

from services.rest_proxy.http.errors import ApiError

MAX_ITEMS = 10_000
"""Topics, partitions or offsets in one request; AWS advises 4,000 partitions on a broker at most.

The client library needs 4 s for partitions of 10,000 different topics; the time grows with the
square of their number.
"""

Topic = Annotated[str, msgspec.Meta(max_length=249, pattern=r"^(?!\.{1,2}\Z)[A-Za-z0-9._-]+\Z")]
"""Name of a topic, by Kafka's rule."""

Name = Annotated[str, msgspec.Meta(max_length=255, pattern=r"^(?!\s+\Z)[^\x00-\x1f\x7f-\x9f]+\Z")]
"""Name of a group or an instance: any alphabet, no control characters, not only blanks."""

Pattern = Annotated[str, msgspec.Meta(min_length=1, max_length=1000)]
"""Regular expression over the names of topics."""

Metadata = Annotated[str, msgspec.Meta(max_length=4096, pattern=r"^[^\x00]*\Z")]
"""Text that is committed with an offset; its length is the default limit of a broker."""

Partition = Annotated[int, msgspec.Meta(ge=0, lt=2**31)]
SchemaId = Annotated[int, msgspec.Meta(ge=0, lt=2**31)]
Offset = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 2)]


def group_name(text: str) -> str:
    """Return ``text`` when it is a valid group name.

    Raises:
        ApiError: 422, it is not.
    """
    try:
        name: str = msgspec.convert(text, Name)
    except msgspec.ValidationError as error:
        raise ApiError(422, message=f"group {text[:40]!r}: {error}") from error
    return name
