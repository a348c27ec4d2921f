"""The errors of a call, as the client receives them.

    ApiError    the call fails; the error has the status and the body of the response

Codes, statuses and messages are those of Databricks where its clients or its users depend on them
(databricks-sdk maps ``Job .* does not exist`` to ResourceDoesNotExist; Airflow's provider tries
again after 429 and 5xx).
"""

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
    TEMPORARILY_UNAVAILABLE = "TEMPORARILY_UNAVAILABLE"


STATUS = {
    Code.ENDPOINT_NOT_FOUND: 404,
    Code.RESOURCE_DOES_NOT_EXIST: 404,
    Code.MAX_REQUEST_SIZE_EXCEEDED: 413,
    Code.REQUEST_LIMIT_EXCEEDED: 429,
    Code.INTERNAL_ERROR: 500,
    Code.TEMPORARILY_UNAVAILABLE: 503,
}
"""HTTP status of each code; 400 for the others."""

RETRY_AFTER = "5"
"""Seconds that a client should wait before a retry."""


class ApiError(PipelineError):
    """The call fails: ``status`` is the HTTP status, ``code`` and ``message`` are the body."""

    def __init__(self, code: Code | int, message: str) -> None:
        """``code`` is a status for a bad token: Databricks gives the bare status as its code."""
        self.code = code
        self.status = code if isinstance(code, int) else STATUS.get(code, 400)
        self.message = message
        self.headers = {"retry-after": RETRY_AFTER} if self.status in (429, 503) else {}
        super().__init__(message)


def invalid(message: str) -> ApiError:
    """The error for a value that is not accepted."""
    return ApiError(Code.INVALID_PARAMETER_VALUE, message)
