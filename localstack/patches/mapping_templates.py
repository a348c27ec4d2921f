"""API Gateway's mapping templates: rendered as AWS renders them, and faster.

Stock, ``$input.json`` writes JSON with spaces and ``\\u`` escapes, so that a record in Kinesis has
other bytes than on AWS, and turns null into an empty text. It is also slow: each use of ``$input``
parses the whole body and builds a parser for its path (8 ms), and each request compiles the
template and validates the schema itself before the body.
"""

import json
import re
from functools import cached_property, lru_cache
from typing import Any

import airspeed
from jsonschema.validators import validator_for
from localstack.services.apigateway.next_gen.execute_api import template_mapping
from localstack.services.apigateway.next_gen.execute_api.gateway_response import BadRequestException
from localstack.services.apigateway.next_gen.execute_api.handlers import method_request
from localstack.services.apigateway.next_gen.execute_api.template_mapping import VelocityInput

from patches.start import Start

NOTHING = object()
"""Value of a path whose field the body does not have."""

STEP = re.compile(r"\.(?P<name>[\w-]+)|\['(?P<quoted>[^']+)'\]|\[(?P<index>\d+)\]")


class Input(VelocityInput):  # type: ignore[misc]
    """``$input``; the body is parsed once for all paths."""

    def path(self, path: str) -> Any:
        """Return the value at ``path``; None, which a template sees as empty, if it is missing."""
        found = self._find(path)
        return None if found is NOTHING else template_mapping.cast_to_vtl_json_object(found)

    def json(self, path: str) -> str:
        """Return the value at ``path`` as JSON text; ``""``, quotes included, if it is missing."""
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
    """Split a JSONPath such as ``$.records[3]['key']``; return None for one with other syntax."""
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
    """Validate a body as ``jsonschema.validate`` does, but not the schema itself.

    Raises:
        jsonschema.ValidationError: the body does not match the model.
    """
    validator_for(schema)(schema).validate(instance)


def install(start: Start) -> None:
    """Replace the validator, ``$input`` and the compiler of templates."""
    method_request.validate = validate
    template_mapping.VelocityInput = Input
    template_mapping.parse = lru_cache(maxsize=1024)(template_mapping.parse)
    airspeed.Template = lru_cache(maxsize=1024)(airspeed.Template)
