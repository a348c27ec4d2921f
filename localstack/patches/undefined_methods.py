"""API Gateway's choice of a method: by the path alone, and only then by the method.

Stock, LocalStack looks for a resource that has both, so that a POST to /streams, which has only
GET, is one to /{proxy+} and reaches the REST proxy. AWS chooses the resource with the best path and
answers 403 if it has no such method.
"""

from collections.abc import Iterable
from typing import Any

from localstack.services.apigateway.next_gen.execute_api.gateway_response import (
    MissingAuthTokenError,
)
from localstack.services.apigateway.next_gen.execute_api.handlers import resource_router
from localstack.services.apigateway.next_gen.execute_api.handlers.resource_router import (
    RestAPIResourceRouter,
)

from patches.start import Start

METHODS = "resourceMethods"


def install(start: Start) -> None:
    """Route every method by its path, then refuse the undefined ones."""
    rules = resource_router.get_rule_map_for_resources
    match = RestAPIResourceRouter.match

    def rules_of_paths(resources: Iterable[Any]) -> Any:
        return rules([{**each, METHODS: {"ANY": {}}} for each in resources if each.get(METHODS)])

    def defined(router: Any, context: Any) -> Any:
        """Return the resource of a request and the values of its path."""
        resource, values = match(router, context)
        if resource[METHODS].keys().isdisjoint({context.request.method, "ANY"}):
            raise MissingAuthTokenError("Missing Authentication Token")
        return resource, values

    resource_router.get_rule_map_for_resources = rules_of_paths
    RestAPIResourceRouter.match = defined
