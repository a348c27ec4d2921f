"""Wire forms: a row as JSON in a request, a record and an object.

A row is a JSON object with every column of its table. Dates are written in ISO 8601 with a ``T``;
readers accept a ``T`` or a space.
"""

import json
import math
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, TypeAlias

from contract.entities import Entity
from contract.errors import WireError

Json: TypeAlias = "str | int | float | bool | list[Json] | dict[str, Json] | None"

_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)
KAFKA_JSON = "application/vnd.kafka.json.v2+json"
"""Content type of a produce request with JSON records (Confluent REST API v2)."""
KAFKA_BINARY = "application/vnd.kafka.binary.v2+json"
"""Content type of a produce request with base64 records."""
KAFKA_V2 = "application/vnd.kafka.v2+json"
"""Content type of every response of the REST proxy."""
JSON = "application/json"
"""Content type of the requests to the Kinesis part of the REST API."""
API_KEY = "x-api-key"
"""Header with the key of API Gateway."""
REST_PROXY_SECRET = "x-rest-proxy-secret"
"""Header with the secret that API Gateway sends to the REST proxy, as in template.yaml."""


def wire_value(value: object) -> Json:
    """Convert a value of the source database into one that JSON can represent.

    Raises:
        WireError: JSON has no form for the value.
    """
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise WireError(f"{value!r} has no form in JSON")
        return value
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return float(value)
    raise WireError(f"{value!r} of type {type(value).__name__} has no form in JSON")


def wire_row(entity: Entity, row: Mapping[str, Any]) -> dict[str, Json]:
    """Convert a row of the source database into wire form, in column order.

    Raises:
        WireError: a column is missing, or a value has no form in JSON.
    """
    missing = [name for name in entity.column_names if name not in row]
    if missing:
        raise WireError(f"row of {entity.table} has no column {', '.join(missing)}")
    return {name: wire_value(row[name]) for name in entity.column_names}


def dumps(document: Json) -> str:
    """Compact JSON with unescaped non-ASCII characters: the text that every hop stores."""
    return _ENCODER.encode(document)


def kafka_records(rows: Iterable[Mapping[str, Json]]) -> dict[str, Json]:
    """Body of ``POST /topics/<topic>``: one record a row, no key."""
    return {"records": [{"value": dict(row)} for row in rows]}


def kinesis_record(stream: str, row: Mapping[str, Json], partition_key: str) -> dict[str, Json]:
    """Body of ``PUT /streams/<stream>/record``."""
    return {"StreamName": stream, "Data": dict(row), "PartitionKey": partition_key}


def kinesis_records(rows: Iterable[tuple[str, Mapping[str, Json]]]) -> dict[str, Json]:
    """Body of ``PUT /streams/<stream>/records``: pairs of partition key and row."""
    return {"records": [{"data": dumps(dict(row)), "partition-key": key} for key, row in rows]}


def parse_timestamp(text: str) -> datetime:
    """Parse a date in wire form, with a ``T`` or a space.

    Raises:
        WireError: the text is no ISO 8601 date and time.
    """
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise WireError(f"timestamp {text!r} is not ISO 8601") from error
