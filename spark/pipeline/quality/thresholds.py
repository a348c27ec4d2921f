"""Hop 7: the thresholds of the quality gate; a check fails if its value is above its threshold.

The thresholds of nulls are several times the shares in the source, where the original's scraper
left values out (specification, section 2), so that a few hundred posts pass as well as all of them.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass

from contract.entities import ENTITIES
from spark.pipeline.errors import ThresholdError
from spark.pipeline.schemas import CLEANED, KEY

SHARE = "share"


@dataclass(frozen=True, slots=True)
class Threshold:
    """The greatest value with which a check passes."""

    name: str
    default: float
    unit: str


FEW_NULLS, NO_NULLS = 0.01, 0.0
"""Allowed share of nulls: in a column where none is expected, and in a key."""

NULLS = {
    "title": 0.05,  # 0.8 % in the source
    "description": 0.3,  # 9.7 %
    "follower_count": 0.05,  # 0.8 %
    "poster_name": 0.05,  # 0.8 %
    "tag_list": 0.06,  # 1.5 %
    "image_src": 0.1,  # 3.0 %
    KEY: NO_NULLS,
}
"""Allowed share of nulls by column; other columns have ``FEW_NULLS``."""


def null_share(entity: str, column: str) -> str:
    """Name of the threshold for the nulls of a column."""
    return f"null_share.{entity}.{column}"


THRESHOLDS = (
    # Records without a row, and rows without a record.
    Threshold("row_counts", 0, "rows"),
    Threshold("quarantine_share", 0.01, SHARE),
    *(
        Threshold(null_share(entity.name, column), NULLS.get(column, FEW_NULLS), SHARE)
        for entity in ENTITIES
        for column in CLEANED[entity].names
    ),
    Threshold("duplicate_keys", 0, "keys"),
    # The age of the newest object that was read.
    Threshold("freshness", 24, "hours"),
)


def read(text: str) -> dict[str, float]:
    """Return every threshold by name, from a JSON object or else its default.

    Raises:
        ThresholdError: a threshold is unknown or has a wrong value.
    """
    try:
        given = json.loads(text)
    except ValueError as error:
        raise ThresholdError(f"the thresholds {text!r} are not JSON: {error}") from error
    if not isinstance(given, Mapping):
        raise ThresholdError(f"the thresholds {text!r} are no JSON object")
    known = {threshold.name: threshold for threshold in THRESHOLDS}
    for name, value in given.items():
        if name not in known:
            raise ThresholdError(
                f"there is no threshold {name!r}; there are {', '.join(sorted(known))}"
            )
        most = 1 if known[name].unit == SHARE else math.inf
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not 0 <= value <= most or math.isinf(value):
            wanted = "a share from 0 to 1" if most == 1 else f"a number of {known[name].unit}"
            raise ThresholdError(f"the threshold {name} is {json.dumps(value)}, not {wanted}")
    return {name: given.get(name, threshold.default) for name, threshold in known.items()}
