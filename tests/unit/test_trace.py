"""The search for the line of a record in its object."""

import pytest

from contract.entities import GEO
from hops.objects import Content
from pinpipe.trace import line_of


@pytest.mark.parametrize(
    ("keys", "distance", "line"),
    [
        ([7, 8, 9], 1, 1),
        ([7, 8, 9], 2, 1),  # a record before it was left out by the sink
        ([8, 7, 8], 2, 2),  # the later of two copies
        ([8, 7, 8], 1, 0),  # the later copy is another record
        ([8], 5, 0),
        ([7, 9], 1, None),
        ([], 0, None),
    ],
)
def test_the_line_of_a_record(keys: list[int], distance: int, line: int | None) -> None:
    lines = [b'{"ind":%d}' % key for key in keys]
    assert line_of(Content(lines, len(lines)), GEO, 8, distance) == line


def test_a_line_that_is_no_json_object_is_skipped() -> None:
    assert line_of(Content([b"[8]", b"no", b'{"ind":8}'], 3), GEO, 8, 2) == 2
