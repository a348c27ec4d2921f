"""API Gateway and S3 before template.yaml is deployed: they answer 503, which a client retries.

Stock, LocalStack answers 404 for an API that it does not have, or an empty 200 while it loads, and
403 or 404 for a bucket. A client takes these as final, and they occur for a moment after each
restart.
"""

from typing import Any

from localstack.aws.api import CommonServiceException
from localstack.aws.handlers import preprocess_request, serve_custom_service_request_handlers
from localstack.runtime.init import Stage, init_script_manager

from patches.start import Start

PREFIX = "/_aws/execute-api/"


def install(start: Start) -> None:
    """Answer 503 for every API and every call of S3 until ready.d has run."""
    preprocess_request.append(answer_unavailable)
    serve_custom_service_request_handlers.append(refuse_unavailable)


def answer_unavailable(chain: Any, context: Any, response: Any) -> None:
    """Answer 503 if the API of the request is not deployed yet."""
    if not _deployed() and context.request.path.startswith(PREFIX):
        response.status_code = 503
        response.headers["Retry-After"] = "1"
        response.set_json({"message": "Service Unavailable"})
        chain.stop()


def refuse_unavailable(chain: Any, context: Any, response: Any) -> None:
    """Refuse a client's call of S3 before the bucket has its objects.

    Raises:
        CommonServiceException: the template, which creates the bucket, is not deployed yet.
    """
    if not _deployed() and context.service.service_name == "s3" and not context.is_internal_call:
        raise CommonServiceException("ServiceUnavailable", "S3's objects are being loaded", 503)


def _deployed() -> bool:
    return bool(init_script_manager().stage_completed[Stage.READY])
