import pytest

from services.rest_proxy.http.routes import ROUTES, Route, find


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_each_route_is_found_by_its_own_path(route: Route) -> None:
    path = route.path.replace("{", "").replace("}", "")

    found, variables = find(route.method, path)

    assert found is route
    assert all(name == value for name, value in variables.items())
