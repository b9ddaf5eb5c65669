"""Every answer carries the same set of headers, whoever asks for whatever; and what no request gets through with."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client, override_settings

from tests.matrix.routes import all_routes
from tests.matrix.things import Things, thing_of

pytestmark = pytest.mark.django_db

ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


@pytest.fixture(autouse=True)
def _no_rate_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    from deployhub.accounts.throttling import ActorThrottle

    monkeypatch.setattr(ActorThrottle, "allow_request", lambda *args: True)


def _addresses(things: Things) -> Iterator[str]:
    for route in all_routes():
        kinds = {
            name: things.text(thing_of(name, before), converter) for name, converter, before in route.kwargs
        }
        yield route.fill(kinds)
    yield "/there/is/nothing/"
    yield "/static/portal/app.css"
    yield "/static/there-is-nothing.css"


def _lacking(response: Any, address: str) -> list[str]:
    found = [
        f"{name} is not {value}" for name, value in ALWAYS.items() if response.headers.get(name) != value
    ]
    policy = response.headers.get("Content-Security-Policy", "")
    for directive in ("default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'"):
        if directive not in policy and "sandbox" not in policy:
            found.append(f"the policy lacks {directive}")
    if "unsafe" in policy or "*" in policy or "http:" in policy:
        found.append(f"the policy is loose: {policy}")
    if "camera=()" not in response.headers.get("Permissions-Policy", ""):
        found.append("Permissions-Policy")
    if "Access-Control-Allow-Origin" in response.headers:
        found.append("another origin may read it")
    kept = response.headers.get("Cache-Control", "")
    if not address.startswith("/static/") and not ("no-store" in kept or "private, no-cache" in kept):
        found.append(f"may be cached: {kept or 'no Cache-Control'}")
    for name in ("Server", "X-Powered-By"):
        if name in response.headers:
            found.append(f"{name} tells what runs here")
    return found


def _read_to_its_end(response: Any) -> None:
    """Which closes its files; `close()` would tell Django to close the test's own connection to the database too."""
    if response.streaming:
        b"".join(response)


def _walk(client: Client, things: Things) -> dict[str, list[str]]:
    lacking = {}
    for address in _addresses(things):
        for method in ("get", "options", "trace"):
            response = getattr(client, method)(address)
            if found := _lacking(response, address):
                lacking[f"{method} {address}"] = found
            _read_to_its_end(response)
    return lacking


def test_every_answer_carries_the_whole_set_of_headers(browser: Any, owner: Any, project: Any) -> None:
    things = Things(project, owner)
    assert _walk(browser(owner), things) == {}
    assert _walk(Client(), things) == {}


def test_a_download_is_an_attachment_in_a_sandbox(browser: Any, owner: Any, project: Any) -> None:
    things = Things(project, owner)
    downloads = [
        route.fill(
            {name: things.text(thing_of(name, before), converter) for name, converter, before in route.kwargs}
        )
        for route in all_routes()
        if "download" in route.address
    ]
    assert downloads
    for address in downloads:
        response = browser(owner).get(address)
        if response.status_code == 405:
            continue
        assert response.status_code == 200, address
        assert response.headers["Content-Disposition"].startswith("attachment"), address
        assert "sandbox" in response.headers["Content-Security-Policy"], address
        assert response.headers["X-Content-Type-Options"] == "nosniff", address
        _read_to_its_end(response)


@pytest.mark.parametrize("method", ["TRACE", "TRACK", "CONNECT", "PROPFIND", "DEBUG"])
def test_a_method_that_nobody_needs_is_refused_before_any_view(method: str, browser: Any, owner: Any) -> None:
    for address in ("/", "/healthz", "/api/v1/projects/", "/there/is/nothing/"):
        response = browser(owner).generic(method, address, HTTP_X_SECRET="tell me")
        assert response.status_code == 405, address
        assert "tell me" not in response.content.decode()
        assert "TRACE" not in response.headers["Allow"]


@pytest.mark.parametrize("method", ["DELETE", "PUT"])
def test_a_method_cannot_be_overridden_by_a_header(method: str, api: Any, owner: Any, project: Any) -> None:
    response = api(owner).get(
        f"/api/v1/projects/{project.pk}/", HTTP_X_HTTP_METHOD_OVERRIDE=method, HTTP_X_METHOD_OVERRIDE=method
    )
    assert response.status_code == 200
    project.refresh_from_db()


def test_a_request_for_another_host_is_refused(client: Any, browser: Any, owner: Any) -> None:
    for host in ("evil.example", "testserver.evil.example", "testserver:80@evil.example", "127.0.0.1/x"):
        response = client.get("/sign-in/", HTTP_HOST=host)
        assert response.status_code == 400, host
        assert "evil" not in response.content.decode()
    polite = browser(owner).get("/", HTTP_X_FORWARDED_HOST="evil.example", HTTP_FORWARDED="host=evil.example")
    assert polite.status_code == 200
    assert "evil.example" not in polite.content.decode()


IDENTITY_HEADERS = {
    "HTTP_REMOTE_USER": "administrator",
    "HTTP_X_REMOTE_USER": "administrator",
    "HTTP_X_FORWARDED_USER": "administrator",
    "HTTP_X_USER_ID": "1",
    "HTTP_X_AUTH_REQUEST_USER": "administrator",
    "HTTP_X_SSL_CLIENT_S_DN": "CN=administrator",
}


def test_a_header_that_claims_an_identity_is_worth_nothing(
    client: Any, browser: Any, viewer: Any, administrator: Any
) -> None:
    assert client.get("/system/", **IDENTITY_HEADERS).status_code == 302
    assert client.get("/api/v1/me/", **IDENTITY_HEADERS).status_code == 401
    mine = browser(viewer).get("/api/v1/me/", **IDENTITY_HEADERS).json()
    assert mine["username"] == viewer.username
    assert browser(viewer).get("/system/", **IDENTITY_HEADERS).status_code == 403


def test_a_forwarded_address_counts_only_behind_as_many_proxies_as_are_set(rf: Any, settings: Any) -> None:
    from deployhub.doors.middleware import client_address

    told = {"HTTP_X_FORWARDED_FOR": "203.0.113.9, 198.51.100.7", "HTTP_X_REAL_IP": "203.0.113.9"}
    request = rf.get("/", REMOTE_ADDR="192.0.2.1", **told)
    assert client_address(request) == "192.0.2.1"
    settings.DEPLOYHUB_PROXY_COUNT = 1
    assert client_address(request) == "198.51.100.7", "what the client itself wrote stands further left"
    assert client_address(rf.get("/", REMOTE_ADDR="192.0.2.1")) == "192.0.2.1"


def test_a_client_cannot_claim_to_have_come_over_tls(client: Any) -> None:
    with override_settings(SECURE_SSL_REDIRECT=True):
        response = client.get("/sign-in/", HTTP_X_FORWARDED_PROTO="https", HTTP_X_FORWARDED_SSL="on")
    assert response.status_code == 301


def test_pages_are_redirected_to_tls_and_the_api_is_not(client: Any, api: Any, owner: Any) -> None:
    with override_settings(SECURE_SSL_REDIRECT=True):
        assert client.get("/sign-in/").headers["Location"] == "https://testserver/sign-in/"
        refused = api(owner).get("/api/v1/me/")
        assert refused.status_code == 403
        assert refused.json()["code"] == "tls_required"
        assert "Location" not in refused.headers
        assert api(owner).get("/api/v1/me/", secure=True).status_code == 200


def test_over_tls_a_year_of_it_is_asked_for_but_not_of_localhost(client: Any) -> None:
    with override_settings(SECURE_HSTS_SECONDS=31_536_000, SECURE_HSTS_INCLUDE_SUBDOMAINS=True):
        told = client.get("/sign-in/", secure=True).headers["Strict-Transport-Security"]
        assert told.startswith("max-age=31536000; includeSubDomains")
        for host in ("localhost:8443", "127.0.0.1", "[::1]:8443"):
            assert (
                "Strict-Transport-Security" not in client.get("/healthz", secure=True, HTTP_HOST=host).headers
            )


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_write_that_another_site_started_is_refused_even_without_a_look_at_the_token(
    site: str, browser: Any, owner: Any, project: Any
) -> None:
    signed_in = browser(owner)  # the test client passes the CSRF check by itself
    told = {"HTTP_SEC_FETCH_SITE": site}
    assert signed_in.post("/projects/new/", {"name": "Mine", "slug": "mine"}, **told).status_code == 403
    body = {"name": "Mine", "slug": "mine"}
    refused = signed_in.post("/api/v1/projects/", body, content_type="application/json", **told)
    assert (refused.status_code, refused.json()["code"]) == (403, "csrf")
    assert signed_in.get("/", **told).status_code == 200, "a link from elsewhere works"


def test_a_token_is_not_borrowed_by_another_site_and_may_write(api: Any, administrator: Any) -> None:
    made = api(administrator).post(
        "/api/v1/projects/", {"name": "Mine", "slug": "mine"}, format="json", HTTP_SEC_FETCH_SITE="cross-site"
    )
    assert made.status_code == 201


def test_a_form_without_its_csrf_token_is_refused(owner: Any) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(owner)
    assert strict.post("/projects/new/", {"name": "Mine"}).status_code == 403
    refused = strict.post("/api/v1/projects/", {"name": "Mine"}, content_type="application/json")
    assert refused.status_code == 403


def test_a_sign_out_clears_what_the_browser_kept(browser: Any, owner: Any) -> None:
    signed_in = browser(owner)
    response = signed_in.post("/sign-out/")
    assert response.headers["Clear-Site-Data"] == '"cache", "storage"'
    assert signed_in.get("/models/").status_code == 302


def test_cookies_are_for_this_host_and_for_no_script(client: Any, owner: Any) -> None:
    from tests.conftest import PASSWORD

    client.get("/sign-in/")
    assert client.post("/sign-in/", {"username": owner.username, "password": PASSWORD}).status_code in (
        302,
        204,
    )
    assert len(client.cookies) == 2
    for cookie in client.cookies.values():
        assert not cookie["domain"], cookie
        assert cookie["httponly"], cookie
        assert cookie["samesite"] == "Lax", cookie
        assert cookie["path"] == "/", cookie
