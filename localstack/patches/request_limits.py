"""Requests that AWS rejects with 4xx, and that stock LocalStack accepts or answers with 500."""

from typing import Any

from airspeed.operators import TemplateExecutionError
from localstack.services.apigateway.next_gen.execute_api.gateway_response import (
    BaseGatewayException,
    RequestTooLargeError,
)
from localstack.services.apigateway.next_gen.execute_api.handlers.integration_request import (
    IntegrationRequestHandler,
)
from localstack.services.apigateway.next_gen.execute_api.handlers.method_request import (
    MethodRequestHandler,
)

from patches.start import Start

BODY_LIMIT = 10 * 1024 * 1024
"""Bytes of the largest body that API Gateway accepts."""


def install(start: Start) -> None:
    """Reject them as AWS does."""
    call = MethodRequestHandler.__call__
    render = IntegrationRequestHandler.render_request_template_mapping

    def limited(handler: Any, chain: Any, context: Any, response: Any) -> None:
        """Answer 413 for a body that is too large."""
        if len(context.invocation_request["body"]) > BODY_LIMIT:
            raise RequestTooLargeError(f"HTTP content length exceeded {BODY_LIMIT} bytes.")
        call(handler, chain, context, response)

    def rendered(handler: Any, *arguments: Any, **named: Any) -> Any:
        """Answer with the error that ``$input`` raises, instead of a failure of the template."""
        try:
            return render(handler, *arguments, **named)
        except TemplateExecutionError as error:
            if isinstance(error.__cause__, BaseGatewayException):
                raise error.__cause__ from None
            raise

    MethodRequestHandler.__call__ = limited
    IntegrationRequestHandler.render_request_template_mapping = rendered
