"""What goes wrong in a call, as the client is told.

    ApiError    the call fails; its status and body are the answer

Codes, statuses and messages are those of Databricks where its clients or its users depend on them
(databricks-sdk maps ``Job .* does not exist`` to ResourceDoesNotExist; Airflow's provider tries
again after 429 and 5xx).
"""

from __future__ import annotations

from enum import StrEnum

from contract.errors import PipelineError


class Code(StrEnum):
    """Databricks' error codes."""

    INVALID_PARAMETER_VALUE = "INVALID_PARAMETER_VALUE"
    INVALID_STATE = "INVALID_STATE"
    MALFORMED_REQUEST = "MALFORMED_REQUEST"
    ENDPOINT_NOT_FOUND = "ENDPOINT_NOT_FOUND"
    RESOURCE_DOES_NOT_EXIST = "RESOURCE_DOES_NOT_EXIST"
    MAX_REQUEST_SIZE_EXCEEDED = "MAX_REQUEST_SIZE_EXCEEDED"
    REQUEST_LIMIT_EXCEEDED = "REQUEST_LIMIT_EXCEEDED"
    INTERNAL_ERROR = "INTERNAL_ERROR"


STATUS = {
    Code.ENDPOINT_NOT_FOUND: 404,
    Code.RESOURCE_DOES_NOT_EXIST: 404,
    Code.MAX_REQUEST_SIZE_EXCEEDED: 413,
    Code.REQUEST_LIMIT_EXCEEDED: 429,
    Code.INTERNAL_ERROR: 500,
}
"""HTTP status of each code; it is 400 where none is named."""

RETRY_AFTER = "5"
"""Seconds that a client is asked to wait before it tries again."""


class ApiError(PipelineError):
    """The call fails: ``status`` is the HTTP status, ``code`` and ``message`` are the body."""

    def __init__(self, code: Code | int, message: str) -> None:
        """``code`` is a status for a bad token: Databricks gives the bare status as its code."""
        self.code = code
        self.status = code if isinstance(code, int) else STATUS.get(code, 400)
        self.message = message
        self.headers = {"retry-after": RETRY_AFTER} if self.status == 429 else {}
        super().__init__(message)


def invalid(message: str) -> ApiError:
    """Make the answer to a value that can't be taken."""
    return ApiError(Code.INVALID_PARAMETER_VALUE, message)
