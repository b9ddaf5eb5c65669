"""Personal API tokens, at the page and at the API; promises 18 and 19."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps
from django.urls import reverse

from deployhub.accounts.models import ApiToken
from deployhub.audit.models import AuditEvent

PASSWORD = "correct horse battery staple"
pytestmark = pytest.mark.django_db


def make(browser: Any, **fields: Any) -> str:
    page = browser.post(
        "/account/tokens/new/", {"label": "nightly", "scopes": ["read"], "life_days": "30", **fields}
    ).content.decode()
    found = re.search(r"dh_pat_[0-9a-f]{32}_[0-9A-Za-z]{49}", page)
    assert found is not None, page
    return found[0]


def as_token(text: str) -> Any:
    from rest_framework.test import APIClient

    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {text}")
    return client


def test_an_engineer_makes_a_token_that_works_and_is_shown_once(engineer, browser):
    mine = browser(engineer)
    text = make(mine)
    assert as_token(text).get("/api/v1/me/").json()["username"] == "engineer"
    assert text not in mine.get("/account/tokens/").content.decode()
    token = ApiToken.objects.get()
    assert text not in str(token.__dict__)
    assert token.last_used_at is not None
    assert token.last_used_address == "127.0.0.1"


@pytest.mark.parametrize(
    ("field", "value"),
    [("life_days", "366"), ("life_days", "0"), ("life_days", ""), ("scopes", "everything"), ("label", "")],
)
def test_a_token_needs_a_label_a_known_scope_and_an_end_within_a_year(engineer, browser, field, value):
    body = {"label": "x", "scopes": ["read"], "life_days": "30", field: value}
    assert browser(engineer).post("/account/tokens/new/", body).status_code == 422
    assert not ApiToken.objects.exists()


def test_a_token_cannot_be_bound_to_a_project_of_others(engineer, browser, foreign_project):
    answer = browser(engineer).post(
        "/account/tokens/new/",
        {"label": "x", "scopes": ["read"], "life_days": "30", "projects": [str(foreign_project.pk)]},
    )
    assert answer.status_code == 422
    api = browser(engineer).post(
        "/api/v1/tokens/",
        {"label": "x", "scopes": ["read"], "project_ids": [str(foreign_project.pk)]},
        content_type="application/json",
    )
    assert api.status_code == 400
    assert not ApiToken.objects.exists()


def test_a_token_does_no_more_than_its_owner(viewer, api, acting):
    everything = api(viewer).get("/api/v1/me/").wsgi_request.actor
    from deployhub.access import policy
    from deployhub.access.vocab import PERMISSIONS

    may_token = {p for p in PERMISSIONS if policy.can(everything, p)}
    may_owner = {p for p in PERMISSIONS if policy.can(acting(viewer), p)}
    assert may_token <= may_owner
    assert api(viewer).get("/api/v1/users/").status_code == 403


def test_a_token_cannot_make_or_see_tokens_nor_change_its_owners_secrets(administrator, api):
    client = api(administrator)
    assert (
        client.post("/api/v1/tokens/", {"label": "more", "scopes": ["read"]}, format="json").status_code
        == 403
    )
    assert client.get("/api/v1/tokens/").status_code == 403
    reset = client.post(f"/api/v1/users/{administrator.pk}/reset/")
    assert reset.status_code == 409
    assert client.post(f"/api/v1/users/{administrator.pk}/deactivate/").status_code == 409


def test_a_token_bound_to_projects_does_nothing_to_the_whole_installation(administrator, api, project):
    bound = api(administrator, project_ids=[str(project.pk)])
    assert bound.get("/api/v1/users/").status_code == 403
    assert api(administrator).get("/api/v1/users/").status_code == 200


def test_a_browser_session_makes_a_token_over_the_api_with_its_csrf_token_only(engineer, browser, settings):
    client = browser(engineer)
    client.handler.enforce_csrf_checks = True
    body = {"label": "ci", "scopes": ["run", "read"], "life_days": 7}
    assert client.post("/api/v1/tokens/", body, content_type="application/json").status_code == 403
    client.get("/account/tokens/new/")
    made = client.post(
        "/api/v1/tokens/",
        body,
        content_type="application/json",
        headers={"X-CSRFToken": client.cookies[settings.CSRF_COOKIE_NAME].value},
    )
    assert made.status_code == 201
    assert made.headers["Location"] == reverse("tokens-detail", args=[made.json()["id"]])
    assert as_token(made.json()["token"]).get("/api/v1/me/").json()["token"]["scopes"] == ["read", "run"]


def test_tokens_of_others_do_not_exist(engineer, viewer, browser, token_of):
    token_of(engineer)
    token = ApiToken.objects.get()
    theirs = browser(viewer)
    assert theirs.get(f"/api/v1/tokens/{token.pk}/").status_code == 404
    assert theirs.post(f"/api/v1/tokens/{token.pk}/revoke/").status_code == 404
    assert theirs.post(f"/account/tokens/{token.pk}/revoke/").status_code == 404
    assert theirs.get("/api/v1/tokens/").json()["results"] == []


def test_the_list_is_filtered_alike_at_page_and_api(engineer, browser, token_of):
    token_of(engineer)
    mine = browser(engineer)
    make(mine, label="yearly report")
    for query, count in (
        ("q=yearly", 1),
        ("q=nothing", 0),
        ("state=usable", 2),
        ("state=revoked", 0),
        ("sort=label", 2),
    ):
        assert len(mine.get(f"/api/v1/tokens/?{query}").json()["results"]) == count
        assert mine.get(f"/account/tokens/?{query}").content.decode().count("Revoke “") == count
    assert mine.get("/api/v1/tokens/?state=nonsense").status_code == 400


def test_promise_19_a_revoked_token_is_refused_at_the_next_request(engineer, browser):
    mine = browser(engineer)
    client = as_token(make(mine))
    assert client.get("/api/v1/me/").status_code == 200
    mine.post(f"/account/tokens/{ApiToken.objects.get().pk}/revoke/")
    assert client.get("/api/v1/me/").status_code == 401
    event = AuditEvent.objects.get(action="token.refuse")
    assert (event.outcome, event.reason) == ("denied", "revoked token")


def test_promise_19_an_expired_token_is_refused(engineer, api):
    from deployhub.kernel.clock import utc_now

    assert api(engineer, expires_at=utc_now() - timedelta(seconds=1)).get("/api/v1/me/").status_code == 401


def test_promise_19_deactivating_a_person_ends_sessions_and_tokens_at_once_and_for_good(
    engineer, administrator, browser, api, acting
):
    from deployhub.accounts.services.users import user_activate, user_deactivate

    session, token = browser(engineer), api(engineer)
    assert (session.get("/account/").status_code, token.get("/api/v1/me/").status_code) == (200, 200)
    user_deactivate(actor=acting(administrator), user=engineer)
    assert (session.get("/account/").status_code, token.get("/api/v1/me/").status_code) == (302, 401)
    user_activate(actor=acting(administrator), user=engineer)
    assert (session.get("/account/").status_code, token.get("/api/v1/me/").status_code) == (302, 401)


def test_promise_19_a_role_that_was_taken_away_is_gone_at_the_next_request(
    auditor, administrator, browser, api, acting
):
    from deployhub.accounts.services.users import user_update

    session, token = browser(auditor), api(auditor)
    assert (session.get("/users/").status_code, token.get("/api/v1/users/").status_code) == (200, 200)
    user_update(actor=acting(administrator), user=auditor, is_auditor=False)
    assert session.get("/users/").headers["Location"].startswith("/sign-in/")  # another role, another sign-in
    assert browser(auditor).get("/users/").status_code == 403
    assert token.get("/api/v1/users/").status_code == 403


def test_who_hammers_with_bad_tokens_is_slowed_down_and_does_not_fill_the_log(engineer, api):
    good, bad = api(engineer), as_token("dh_pat_unknown")
    answers = [bad.get("/api/v1/me/").status_code for _ in range(12)]
    assert answers[:5] == [401] * 5
    assert answers[-1] == 429
    assert AuditEvent.objects.filter(action="token.refuse").count() < 8
    assert good.get("/api/v1/me/").status_code == 200


def test_promise_18_a_dump_of_the_database_holds_no_usable_secret(
    engineer, administrator, browser, api, client
):
    """Everything that was issued is looked for in every column of every table, as text and as base 32."""
    import base64

    from django_otp.oath import totp

    secrets: list[str] = [PASSWORD]
    mine = browser(engineer)
    secrets.append(make(mine))
    over_api = mine.post(
        "/api/v1/tokens/",
        {"label": "api", "scopes": ["read"]},
        content_type="application/json",
        headers={"Idempotency-Key": "once-only"},
    ).json()["token"]
    secrets += [over_api, over_api.split("_", 3)[3]]
    page = mine.post("/account/mfa/new/", follow=True)
    seed_text = re.search(r'id="seed"[^>]*>([A-Z2-7 ]+)<', page.content.decode())[1].replace(" ", "")  # type: ignore[index]
    seed = base64.b32decode(seed_text)
    done = mine.post(
        page.redirect_chain[-1][0], {"name": "Phone", "code": f"{totp(seed):06d}"}
    ).content.decode()
    codes = re.findall(r"<li>([a-z2-7]{4}(?:-[a-z2-7]{4}){3})</li>", done)
    assert len(codes) == 10
    secrets += [
        seed_text,
        seed.hex(),
        base64.b64encode(seed).decode(),
        *codes,
        *(c.replace("-", "") for c in codes),
    ]
    made = api(administrator).post(
        "/api/v1/users/", {"username": "new"}, format="json", headers={"Idempotency-Key": "make-new"}
    )
    secrets.append(made.json()["one_time_password"])

    dump = "\n".join(
        str(value)
        for model in apps.get_models(include_auto_created=True)
        for row in model._base_manager.values_list()
        for value in row
    )
    from django.contrib.sessions.models import Session

    dump += "\n".join(str(session.get_decoded()) for session in Session.objects.all())
    assert "engineer" in dump
    assert [secret for secret in secrets if secret in dump] == []
