"""Every address is guarded, or stands on the reviewed public list."""

from __future__ import annotations

import pytest

from deployhub.access.vocab import PERMISSIONS
from deployhub.doors.api import ApiViewSet
from deployhub.doors.pages import ListPage, Page
from tests.matrix.routes import PUBLIC, Route, all_routes, guarded_routes

ROUTES = all_routes()


@pytest.mark.parametrize("route", guarded_routes(), ids=lambda r: r.address)
def test_every_address_asks_for_a_permission(route: Route) -> None:
    assert isinstance(route.view, type), "write it as a Page or an ApiViewSet"
    assert issubclass(route.view, Page | ApiViewSet), "write it as a Page or an ApiViewSet"
    assert not getattr(route.view, "public", False), (
        "a public page stands on the list in tests/matrix/routes.py"
    )
    assert route.permissions
    for method, permission in route.permissions:
        assert permission in PERMISSIONS, f"{method.upper()} asks for nothing"


def test_the_public_list_names_no_address_that_is_gone() -> None:
    assert set(PUBLIC) - {route.name for route in ROUTES} == set()


def test_no_public_page_forgot_to_say_so() -> None:
    for route in ROUTES:
        if route.is_public and isinstance(route.view, type) and issubclass(route.view, Page | ApiViewSet):
            assert route.view.public, route.address


def test_every_action_of_the_api_is_in_its_table_of_permissions() -> None:
    reachable: dict[type[ApiViewSet], set[str]] = {}
    for route in ROUTES:
        if isinstance(route.view, type) and issubclass(route.view, ApiViewSet):
            reachable.setdefault(route.view, set()).update(route.actions)
    for view, actions in reachable.items():
        if view.public:
            continue
        assert actions == set(view.permissions) - {"metadata"}, view.__name__  # what OPTIONS asks for
        assert set(view.permissions.values()) <= set(PERMISSIONS), view.__name__


def test_no_two_routes_share_an_address() -> None:
    addresses = [route.shape if not route.is_api else f"api/{route.shape}" for route in ROUTES]
    assert len(addresses) == len(set(addresses))


def test_a_list_filters_alike_on_its_page_and_in_the_api() -> None:
    """One FilterSet for both doors, and the same sorts."""
    endpoints = {
        route.shape: route.view
        for route in ROUTES
        if route.is_api and issubclass(route.view, ApiViewSet) and dict(route.permissions).get("get")
    }
    compared = 0
    for route in ROUTES:
        if not (isinstance(route.view, type) and issubclass(route.view, ListPage)):
            continue
        shape = {
            "audit/": "audit-events/",
            "audit/exports/": "audit-exports/",
            "account/tokens/": "tokens/",
            "account/sessions/": "sessions/",
        }.get(route.shape, route.shape)
        endpoint = endpoints.get(shape)
        assert endpoint is not None, f"the list {route.address} has no endpoint"
        assert getattr(endpoint, "filterset_class", None) is route.view.filterset_class, route.address
        assert set(endpoint.sorts) == set(route.view.sorts), route.address
        compared += 1
    assert compared
