"""API Gateway before template.yaml is deployed: 503, which a client tries again.

Stock, LocalStack answers for an API that it doesn't have (yet) with 404, or
with an empty 200 while it loads. A client takes both as final, and after a
restart they come for a moment.
"""

from __future__ import annotations

from typing import Any

from localstack.aws.handlers import preprocess_request
from localstack.runtime.init import Stage, init_script_manager

ROUTE = "/_aws/execute-api/"


def install() -> None:
    """Answer for every API with 503 until ready.d has run."""
    preprocess_request.append(refuse)


def refuse(chain: Any, context: Any, response: Any) -> None:
    """End the handling of a request to an API that isn't deployed yet."""
    deployed = init_script_manager().stage_completed[Stage.READY]
    if not deployed and context.request.path.startswith(ROUTE):
        response.status_code = 503
        response.headers["Retry-After"] = "1"
        response.set_json({"message": "Service Unavailable"})
        chain.stop()
