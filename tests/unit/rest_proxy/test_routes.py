from __future__ import annotations

import pytest

from services.rest_proxy.errors import ApiError
from services.rest_proxy.routes import ROUTES, Route, find


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_each_call_is_found_by_its_own_path(route: Route) -> None:
    path = route.path.replace("{", "").replace("}", "")

    found, variables = find(route.method, path)

    assert found is route
    assert all(name == value for name, value in variables.items())


def test_no_two_calls_have_the_same_method_and_path() -> None:
    assert len({(route.method, route.path) for route in ROUTES}) == len(ROUTES)


def test_a_path_without_the_method_names_those_that_it_has() -> None:
    with pytest.raises(ApiError) as raised:
        find("PATCH", "/consumers/g/instances/i/offsets")
    assert raised.value.status == 405
    assert raised.value.headers == {"allow": "POST, GET"}
