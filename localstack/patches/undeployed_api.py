"""API Gateway before template.yaml is deployed: it answers 503, which a client retries.

Stock, LocalStack answers 404 for an API that it does not have, or an empty 200 while it loads. A
client takes both as final, and both occur for a moment after each restart.
"""

from typing import Any

from localstack.aws.handlers import preprocess_request
from localstack.runtime.init import Stage, init_script_manager

from patches.start import Start

PREFIX = "/_aws/execute-api/"


def install(start: Start) -> None:
    """Answer 503 for every API until ready.d has run."""
    preprocess_request.append(answer_unavailable)


def answer_unavailable(chain: Any, context: Any, response: Any) -> None:
    """Answer 503 if the API of the request is not deployed yet."""
    deployed = init_script_manager().stage_completed[Stage.READY]
    if not deployed and context.request.path.startswith(PREFIX):
        response.status_code = 503
        response.headers["Retry-After"] = "1"
        response.set_json({"message": "Service Unavailable"})
        chain.stop()
