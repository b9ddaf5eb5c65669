"""Tokens bounded by permission, project, network and time; rotation; promises 13, 18 and 19 for them."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from rest_framework.test import APIClient

from deployhub.access import policy
from deployhub.access.vocab import CHOOSABLE_PERMISSIONS, PERMISSIONS, SCOPE_PERMISSIONS
from deployhub.accounts.models import ApiToken
from deployhub.audit.models import AuditEvent
from deployhub.kernel.clock import utc_now

pytestmark = pytest.mark.django_db


def as_token(text: str, address: str = "127.0.0.1") -> APIClient:
    client = APIClient(REMOTE_ADDR=address)
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {text}")
    return client


@pytest.fixture
def machine(owner: Any, project: Any, acting: Any) -> Any:
    from deployhub.accounts.services.service_accounts import service_create

    return service_create(
        actor=acting(owner), project=project, username="nightly", purpose="exports", role="engineer"
    )


@pytest.fixture
def issue(machine: Any, owner: Any, acting: Any) -> Any:
    """Make a token of the machine: `token, text = issue(networks=["10.0.0.0/8"])`."""
    from deployhub.accounts.services.service_accounts import service_token_issue

    def make(**fields: Any) -> tuple[ApiToken, str]:
        given = {"label": "ci", "scopes": ["read"], "life_days": 30, **fields}
        return service_token_issue(actor=acting(owner), service=machine, **given)

    return make


# Networks


@pytest.mark.parametrize(
    ("networks", "address", "status"),
    [
        ([], "203.0.113.9", 200),
        (["10.0.0.0/8"], "10.200.3.4", 200),
        (["10.0.0.0/8"], "11.0.0.1", 403),
        (["192.0.2.7"], "192.0.2.7", 200),
        (["192.0.2.7"], "192.0.2.8", 403),
        (["2001:db8::/32"], "2001:db8:1::5", 200),
        (["2001:db8::/32"], "2001:db9::5", 403),
        (["10.0.0.0/8"], "::ffff:10.1.1.1", 200),
        (["0.0.0.0/0"], "2001:db8::1", 403),
        (["10.0.0.0/8"], "nonsense", 403),
    ],
)
def test_promise_13_a_token_outside_its_networks_is_refused_and_the_log_says_so(
    networks, address, status, engineer, token_of
):
    answer = as_token(token_of(engineer, networks=networks), address).get("/api/v1/me/")
    assert answer.status_code == status
    refused = AuditEvent.objects.filter(action="token.refuse")
    assert refused.count() == (status == 403)
    if status == 403:
        assert answer.json()["code"] == "address_refused"
        assert "address" in answer.json()["detail"]
        event = refused.get()
        assert (event.outcome, event.reason) == ("denied", "the address is outside the token's networks")
        assert event.address == address


def test_promise_13_behind_a_proxy_the_clients_own_address_counts_and_cannot_be_forged(
    engineer, token_of, settings
):
    client = as_token(token_of(engineer, networks=["10.0.0.0/8"]), "192.0.2.1")
    forged = {"X-Forwarded-For": "10.1.1.1"}
    assert client.get("/api/v1/me/", headers=forged).status_code == 403
    settings.DEPLOYHUB_PROXY_COUNT = 1
    assert client.get("/api/v1/me/", headers=forged).status_code == 200
    twice = {"X-Forwarded-For": "10.1.1.1, 203.0.113.5"}
    assert client.get("/api/v1/me/", headers=twice).status_code == 403


@pytest.mark.parametrize("written", ["10.0.0.0/33", "10.0.0.1/8", "everywhere", "300.1.1.1", "::1/200"])
def test_a_range_that_is_none_is_refused_with_a_sentence(written, engineer, browser):
    body = {"label": "x", "scopes": ["read"], "life_days": "7", "networks": written}
    page = browser(engineer).post("/account/tokens/new/", body)
    assert page.status_code == 422
    assert "is no address range" in page.content.decode()
    body = {"label": "x", "scopes": ["read"], "networks": [written]}
    api = browser(engineer).post("/api/v1/tokens/", body, content_type="application/json")
    assert (api.status_code, "networks" in api.json()["errors"]) == (400, True)


# Permissions


def test_promise_13_a_token_never_does_more_than_roles_scopes_projects_and_permissions(
    viewer, engineer, project, foreign_project, token_of, acting
):
    """Over every permission, for two roles and four tokens: the least of all bounds holds."""
    for user in (viewer, engineer):
        for given in (
            {"scopes": [], "permissions": ["model.view"]},
            {"scopes": [], "permissions": ["model.view", "export.create", "user.create"]},
            {"scopes": ["read"], "permissions": ["version.create"]},
            {
                "scopes": ["read"],
                "permissions": ["mfa.remove", "token.create", "account.password", "nonsense"],
            },
        ):
            text = token_of(user, project_ids=[str(project.pk)], **given)
            actor = as_token(text).get("/api/v1/formats/").wsgi_request.actor
            bound = frozenset(given["permissions"]).union(*(SCOPE_PERMISSIONS[s] for s in given["scopes"]))
            for code in PERMISSIONS:
                for about in (None, project):
                    if policy.can(actor, code, about):
                        assert policy.can(acting(user), code, about), code
                        assert code in bound & CHOOSABLE_PERMISSIONS, code
            assert not policy.can(actor, "model.view", foreign_project)


def test_a_token_with_one_permission_does_that_and_nothing_else(engineer, browser):
    mine = browser(engineer)
    body = {"label": "x", "permissions": ["model.view"]}
    made = mine.post("/api/v1/tokens/", body, content_type="application/json")
    assert made.status_code == 201
    client = as_token(made.json()["token"])
    assert client.get("/api/v1/models/").status_code == 200
    assert client.get("/api/v1/versions/").status_code == 403
    assert client.get("/api/v1/me/").status_code == 403


@pytest.mark.parametrize(
    "code", ["token.create", "mfa.remove", "account.password", "token.rotate_itself", "x"]
)
def test_no_token_carries_permissions_over_tokens_factors_or_passwords(code, administrator, browser):
    body = {"label": "x", "scopes": ["read"], "permissions": [code]}
    answer = browser(administrator).post("/api/v1/tokens/", body, content_type="application/json")
    assert (answer.status_code, "permissions" in answer.json()["errors"]) == (400, True)


def test_a_viewer_puts_no_permission_on_a_token_that_they_lack(viewer, browser):
    body = {"label": "x", "permissions": ["export.create"]}
    answer = browser(viewer).post("/api/v1/tokens/", body, content_type="application/json")
    assert answer.status_code == 400
    assert "Export a version" not in browser(viewer).get("/account/tokens/new/").content.decode()


# Rotation


def test_a_successor_has_the_same_rights_and_the_old_one_works_for_the_overlap(
    engineer, token_of, browser, monkeypatch
):
    old = token_of(engineer, scopes=["read"], networks=["127.0.0.0/8"])
    page = browser(engineer).post(
        f"/account/tokens/{ApiToken.objects.get().pk}/rotate/", {"overlap_minutes": "60"}
    )
    new = re.search(r"dh_pat_[0-9a-f]{32}_[0-9A-Za-z]{49}", page.content.decode())[0]
    before, after = ApiToken.objects.order_by("created_at")
    assert (after.scopes, after.networks, after.predecessor) == (["read"], ["127.0.0.0/8"], before)
    assert (as_token(old).get("/api/v1/me/").status_code, as_token(new).get("/api/v1/me/").status_code) == (
        200,
        200,
    )
    shown = browser(engineer).get("/account/tokens/").content.decode()
    assert "Replaces one that works until" in shown
    assert "127.0.0.1" in shown
    later = utc_now() + timedelta(minutes=61)
    monkeypatch.setattr("deployhub.accounts.models.tokens.utc_now", lambda: later)
    assert (as_token(old).get("/api/v1/me/").status_code, as_token(new).get("/api/v1/me/").status_code) == (
        401,
        200,
    )


@pytest.mark.parametrize("minutes", ["0", "20161", "soon", ""])
def test_an_overlap_is_a_minute_to_fourteen_days(minutes, engineer, token_of, browser):
    token_of(engineer)
    address = f"/account/tokens/{ApiToken.objects.get().pk}/rotate/"
    assert browser(engineer).post(address, {"overlap_minutes": minutes}).status_code == 302
    assert ApiToken.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_promise_19_of_twenty_who_rotate_a_token_at_once_one_makes_a_successor(
    engineer, token_of, acting, race
):
    from deployhub.accounts.services.tokens import token_rotate
    from deployhub.kernel.errors import Conflict

    token_of(engineer)
    token_id = ApiToken.objects.get().pk

    def attempt() -> bool:
        try:
            token_rotate(actor=acting(engineer), token=ApiToken.objects.get(pk=token_id))
        except Conflict:
            return False
        return True

    assert race(20, attempt).count(True) == 1
    assert ApiToken.objects.filter(predecessor_id=token_id).count() == 1


def test_a_revoked_an_expired_and_a_replaced_token_have_no_successor(engineer, token_of, acting):
    from deployhub.accounts.services.tokens import token_revoke, token_rotate
    from deployhub.kernel.errors import Conflict

    token_of(engineer, expires_at=utc_now() - timedelta(seconds=1))
    with pytest.raises(Conflict):
        token_rotate(actor=acting(engineer), token=ApiToken.objects.latest("id"))
    token_of(engineer)
    revoked = token_revoke(actor=acting(engineer), token=ApiToken.objects.latest("id"))
    with pytest.raises(Conflict):
        token_rotate(actor=acting(engineer), token=revoked)
    token_of(engineer)
    old = ApiToken.objects.latest("id")
    token_rotate(actor=acting(engineer), token=old)
    with pytest.raises(Conflict, match="successor already") as twice:
        token_rotate(actor=acting(engineer), token=old)
    assert twice.value.code == "token_rotated"


def test_a_machine_replaces_its_own_token_only_where_a_person_allowed_it(issue):
    _, plain = issue()
    assert as_token(plain).post("/api/v1/me/token/rotate/").status_code == 403
    old, allowed = issue(rotates_itself=True)
    made = as_token(allowed).post("/api/v1/me/token/rotate/", {"overlap_minutes": 5}, format="json")
    assert made.status_code == 201, made.json()
    new = ApiToken.objects.get(pk=made.json()["id"])
    assert (new.is_self_made, new.chain_ends_at, new.project_ids) == (
        True,
        old.chain_ends_at,
        old.project_ids,
    )
    assert as_token(made.json()["token"]).get("/api/v1/me/").status_code == 200
    event = AuditEvent.objects.filter(action="token.rotate_itself", operation="create").get()
    assert (event.actor_kind, event.token_id) == ("service", old.pk)


def test_a_person_at_the_browser_has_no_token_to_replace_by_itself(engineer, browser):
    answer = browser(engineer).post("/api/v1/me/token/rotate/", {}, content_type="application/json")
    assert answer.status_code == 409


def test_a_chain_that_no_person_touched_for_a_year_ends(issue, acting, owner, machine):
    from deployhub.audit.scope import system_scope

    token, text = issue(rotates_itself=True, life_days=90)
    with system_scope("a year goes by"):
        ApiToken.objects.filter(pk=token.pk).update(chain_ends_at=utc_now() + timedelta(days=3))
    made = as_token(text).post("/api/v1/me/token/rotate/").json()
    last = ApiToken.objects.get(pk=made["id"])
    assert last.expires_at <= utc_now() + timedelta(days=3)
    with system_scope("and a little more"):
        ApiToken.objects.filter(pk=last.pk).update(chain_ends_at=utc_now() - timedelta(seconds=1))
    assert as_token(made["token"]).post("/api/v1/me/token/rotate/").status_code == 409


def test_promise_19_revoking_a_token_ends_the_successors_that_it_made_by_itself(
    issue, machine, owner, browser
):
    """Whoever stole it may have made them."""
    old, text = issue(rotates_itself=True)
    second = as_token(text).post("/api/v1/me/token/rotate/").json()["token"]
    third = as_token(second).post("/api/v1/me/token/rotate/").json()["token"]
    assert as_token(third).get("/api/v1/me/").status_code == 200
    browser(owner).post(f"/service-accounts/{machine.pk}/tokens/{old.pk}/revoke/")
    assert [as_token(t).get("/api/v1/me/").status_code for t in (text, second, third)] == [401] * 3


# Where it was used from


def test_the_networks_that_a_token_was_used_from_are_kept(engineer, token_of, browser):
    text = token_of(engineer)
    for address in ("10.0.0.7", "10.0.0.9", "192.0.2.1", "2001:db8:7:1::1"):
        assert as_token(text, address).get("/api/v1/me/").status_code == 200
    seen = browser(engineer).get("/api/v1/tokens/").json()["results"][0]["used_from"]
    assert set(seen) == {"10.0.0.0/24", "192.0.2.0/24", "2001:db8:7::/48"}
    assert "3 networks" in browser(engineer).get("/account/tokens/").content.decode()


# All tokens of the installation


def test_an_administrator_sees_all_tokens_never_their_text_and_revokes_any(
    administrator, engineer, token_of, browser, issue
):
    text = token_of(engineer)
    issue()
    page = browser(administrator).get("/issued-tokens/").content.decode()
    assert ("Engineer" in page, "nightly" in page, text in page) == (True, True, False)
    token = ApiToken.objects.get(user=engineer)
    assert browser(administrator).post(f"/issued-tokens/{token.pk}/revoke/").status_code == 302
    assert as_token(text).get("/api/v1/me/").status_code == 401
    token.refresh_from_db()
    assert token.revocation == "administrator"


def test_an_auditor_sees_all_tokens_and_revokes_none(auditor, engineer, token_of, browser):
    token_of(engineer)
    theirs = browser(auditor)
    assert theirs.get("/issued-tokens/").status_code == 200
    assert theirs.post(f"/issued-tokens/{ApiToken.objects.get().pk}/revoke/").status_code == 403
    assert browser(engineer).get("/issued-tokens/").status_code == 403


def test_tokens_are_found_by_owner_project_use_and_end(
    administrator, engineer, stranger, project, token_of, browser
):
    from deployhub.audit.scope import system_scope

    token_of(engineer, expires_at=utc_now() + timedelta(days=2))
    token_of(stranger, expires_at=utc_now() + timedelta(days=60))
    with system_scope("long ago"):
        ApiToken.objects.filter(user=stranger).update(created_at=utc_now() - timedelta(days=91))
    for query, count in (
        ("owner=engineer", 1), ("owner=nobody", 0), ("project=shapes", 1), ("project=elsewhere", 1), ("ends=3", 1),
        ("ends=14", 1), ("use=never", 2), ("use=unused", 1), ("kind=service", 0), ("kind=person", 2),
    ):  # fmt: skip
        found = browser(administrator).get(f"/api/v1/issued-tokens/?{query}").json()["results"]
        assert len(found) == count, query


def test_who_is_responsible_is_told_on_the_dashboard_before_a_token_ends(owner, issue, browser):
    issue(life_days=13)
    issue(life_days=15, label="later")
    page = browser(owner).get("/").content.decode()
    assert "Token “ci” expires soon" in page
    assert "later" not in page


# What a stolen database yields


def test_promise_18_a_dump_holds_no_token_of_a_machine_nor_what_was_reported(issue, machine, owner, browser):
    """Every text that was shown once, its secret part, and a leak report's text: in no column of any table."""
    from django.apps import apps

    token, text = issue(rotates_itself=True)
    keyed = {"content_type": "application/json", "headers": {"Idempotency-Key": "once"}}
    address = f"/api/v1/service-accounts/{machine.pk}/tokens/"
    issued = (
        browser(owner)
        .post(address, {"label": "x", "scopes": ["read"], "life_days": 7}, **keyed)
        .json()["token"]
    )
    successor = (
        as_token(text).post("/api/v1/me/token/rotate/", headers={"Idempotency-Key": "twice"}).json()["token"]
    )
    browser(owner).post("/report-a-token/", {"text": f"seen at example.org: {issued}"})
    dump = "\n".join(
        str(value)
        for model in apps.get_models(include_auto_created=True)
        for row in model._base_manager.values_list()
        for value in row
    )
    assert token.digest in dump
    shown = [text, issued, successor, "seen at example.org"]
    assert [
        secret for written in shown for secret in (written, written.rpartition("_")[2]) if secret in dump
    ] == []
