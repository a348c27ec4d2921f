"""API Gateway's mapping templates as AWS renders them, and quickly.

Stock, ``$input.json`` writes JSON with spaces and ``\\u`` escapes, so that a
record of Kinesis would not be the bytes that AWS stores, and makes an empty
text of a null. It is also slow: each use of ``$input`` parses the whole body,
and builds a parser for its path (8 ms); each request compiles the template,
and checks the schema of the body for being one before it is used.
"""

from __future__ import annotations

import json
import re
from functools import cached_property, lru_cache
from typing import Any

import airspeed
from jsonschema.validators import validator_for
from localstack.services.apigateway.next_gen.execute_api import template_mapping
from localstack.services.apigateway.next_gen.execute_api.gateway_response import (
    BadRequestException,
)
from localstack.services.apigateway.next_gen.execute_api.handlers import method_request
from localstack.services.apigateway.next_gen.execute_api.template_mapping import VelocityInput

NOTHING = object()
"""What a path finds where the body has no such field."""

STEP = re.compile(r"\.(?P<name>[\w-]+)|\['(?P<quoted>[^']+)'\]|\[(?P<index>\d+)\]")


class Input(VelocityInput):  # type: ignore[misc]
    """``$input``; the body is parsed once, however many paths are asked for."""

    def path(self, path: str) -> Any:
        """Return what ``path`` finds; None, which a template sees as empty, for nothing."""
        found = self._find(path)
        return None if found is NOTHING else template_mapping.cast_to_vtl_json_object(found)

    def json(self, path: str) -> str:
        """Return what ``path`` finds as JSON text; that of an empty text for nothing."""
        found = self._find(path or "$")
        document = "" if found is NOTHING else found
        return json.dumps(document, ensure_ascii=False, separators=(",", ":"))

    def _find(self, path: str) -> Any:
        if not self.value:
            return NOTHING
        steps = plain_steps(path)
        if steps is None:
            found = template_mapping.extract_jsonpath(self._document, path)
            return NOTHING if found is None else found
        document = self._document
        for step in steps:
            try:
                document = document[step]
            except (KeyError, IndexError, TypeError):
                return NOTHING
        return document

    @cached_property
    def _document(self) -> Any:
        try:
            return json.loads(self.value)
        except json.JSONDecodeError as error:
            raise BadRequestException(f"Could not parse request body into json: {error}") from error


@lru_cache(maxsize=4096)
def plain_steps(path: str) -> tuple[str | int, ...] | None:
    """Split a JSONPath of plain steps such as ``$.records[3]['key']``; None for any other."""
    if not path.startswith("$"):
        return None
    steps: list[str | int] = []
    position = 1
    while position < len(path):
        match = STEP.match(path, position)
        if match is None:
            return None
        steps.append(int(match["index"]) if match["index"] else match["name"] or match["quoted"])
        position = match.end()
    return tuple(steps)


def validate(instance: Any, schema: dict[str, Any]) -> None:
    """Check a body against its model, as ``jsonschema.validate`` without a look at the schema.

    Raises:
        jsonschema.ValidationError: the body is not what the model says.
    """
    validator_for(schema)(schema).validate(instance)


def install() -> None:
    """Render every mapping template, and check every body, this way."""
    method_request.validate = validate
    template_mapping.VelocityInput = Input
    template_mapping.parse = lru_cache(maxsize=1024)(template_mapping.parse)
    airspeed.Template = lru_cache(maxsize=1024)(airspeed.Template)
