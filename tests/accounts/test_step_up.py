"""Promise 17: what is dangerous asks for a fresh second factor, at every door, and nothing typed is lost by it."""

from __future__ import annotations

import re
from typing import Any

import pytest

from deployhub.access import policy
from deployhub.access.models import Membership
from deployhub.access.vocab import PERMISSIONS, STEP_UP_PERMISSIONS
from deployhub.accounts.models import ApiToken, User
from deployhub.audit.models import AuditEvent
from deployhub.audit.scope import system_scope
from deployhub.kernel.actor import Door, system_actor
from deployhub.kernel.errors import StepUpRequired

PASSWORD = "correct horse battery staple"
pytestmark = pytest.mark.django_db

DANGEROUS_ENTITIES = {
    "membership",
    "user",
    "token",
    "mfa",
    "security",
    "policy",
    "role",
    "key",
    "secret",
    "service",
    "identity",
    "identity_provider",
    "group_mapping",
}
DANGEROUS_VERBS = {
    "deploy",
    "approve",
    "rollback",
    "unseal",
    "grant",
    "rotate",
    "waive_step_up",
    "invite",
    "hand_over",
}
READING = {"view", "history", "use"}
HARMLESS = {
    "token.revoke": "takes power away; in an alarm it must be quick",
    "token.withdraw": "takes power away; in an alarm it must be quick",
    "token.view_all": "looks, and shows no secret",
    "token.rotate_itself": "asked by a machine, which has no second factor; a person allowed it under a step-up",
    "service.deactivate": "takes power away; in an alarm it must be quick",
    "mfa.rename": "a name opens nothing",
    "mfa.step_up": "the step-up itself",
    "mfa.reset_decline": "keeps a factor where it is; in an alarm it must be quick",
    "mfa.reset_stop": "keeps the own factor; in an alarm it must be quick",
    "identity_provider.test": "looks at what a provider publishes, and changes nothing",
}
"""Reviewed: permissions over what is dangerous that need no fresh second factor, each with its reason."""


def test_promise_17_the_list_of_dangerous_permissions_is_complete() -> None:
    missing = []
    for code in PERMISSIONS:
        entity, verb = code.split(".")
        dangerous = (entity in DANGEROUS_ENTITIES and verb not in READING) or verb in DANGEROUS_VERBS
        if dangerous and code not in STEP_UP_PERMISSIONS and code not in HARMLESS:
            missing.append(code)
    assert missing == [], "put them into STEP_UP_PERMISSIONS, or say in HARMLESS why not"
    assert not HARMLESS.keys() & STEP_UP_PERMISSIONS
    assert HARMLESS.keys() <= PERMISSIONS.keys()


@pytest.mark.parametrize("permission", sorted(STEP_UP_PERMISSIONS))
def test_promise_17_the_policy_itself_refuses_a_stale_session(permission, owner, administrator, acting):
    who = owner if permission.startswith("membership.") else administrator
    assert policy.can(acting(who), permission)
    policy.require(acting(who), permission)
    for stale in (None, minutes_ago(10), minutes_ago(-3)):
        with pytest.raises(StepUpRequired):
            policy.require(acting(who, second_factor_at=stale), permission)
    refused = AuditEvent.objects.filter(action=permission, outcome="denied")
    assert refused.count() == 3


def minutes_ago(minutes: float) -> Any:
    from datetime import timedelta

    from deployhub.kernel.clock import utc_now

    return utc_now() - timedelta(minutes=minutes)


def test_promise_17_the_security_policy_may_ask_for_more_and_never_for_less(owner, acting, project):
    from deployhub.accounts.models.security_policy import ONLY_ROW, SecurityPolicy

    with system_scope("a stricter policy"):
        SecurityPolicy.objects.create(pk=ONLY_ROW, step_up_minutes=2)
    policy.require(acting(owner, second_factor_at=minutes_ago(1.5)), "membership.grant", project)
    with pytest.raises(StepUpRequired):
        policy.require(acting(owner, second_factor_at=minutes_ago(2.5)), "membership.grant", project)


def test_promise_17_a_stale_session_gets_403_from_the_api_with_the_way_to_go_on(owner, browser, project):
    client = browser(owner, minutes_ago=11)
    answer = client.post(
        "/api/v1/tokens/", {"label": "ci", "scopes": ["read"]}, content_type="application/json"
    )
    assert answer.status_code == 403
    assert answer.json()["code"] == "step_up_required"
    assert answer.json()["step_up"] == "/account/step-up/"
    assert not ApiToken.objects.exists()


def test_promise_17_a_token_cannot_show_a_second_factor_unless_an_administrator_waived_it(
    administrator, api, browser, person
):
    client = api(administrator, step_up_exempt=False)
    asked = {"username": "robin"}
    refused = client.post("/api/v1/users/", asked, format="json")
    assert (refused.status_code, refused.json()["code"]) == (403, "step_up_required")
    assert "step_up" not in refused.json()
    token = ApiToken.objects.get()
    other = person("second", is_administrator=True)
    page = browser(other).post(
        f"/users/{administrator.pk}/tokens/{token.pk}/waive-step-up/", {"waived": "on"}
    )
    assert page.status_code == 302
    assert client.post("/api/v1/users/", asked, format="json").status_code == 201
    event = AuditEvent.objects.get(action="token.waive_step_up", outcome="success")
    assert event.changes == {"step_up_exempt": [False, True]}
    assert event.actor_id == other.pk
    # and back, by the API
    browser(other).post(
        f"/api/v1/users/{administrator.pk}/tokens/{token.pk}/waive-step-up/",
        {"waived": False},
        content_type="application/json",
    )
    assert client.post("/api/v1/users/", {"username": "kim"}, format="json").status_code == 403


def test_promise_17_waiving_the_step_up_asks_for_one(administrator, owner, browser, token_of):
    token_of(owner, step_up_exempt=False)
    token = ApiToken.objects.get()
    stale = browser(administrator, minutes_ago=11)
    answer = stale.post(f"/users/{owner.pk}/tokens/{token.pk}/waive-step-up/", {"waived": "on"})
    assert answer.headers["Location"].startswith("/account/step-up/")
    token.refresh_from_db()
    assert not token.step_up_exempt


def test_an_owner_cannot_waive_the_step_up_of_a_token(owner, browser, token_of):
    token_of(owner, step_up_exempt=False)
    token = ApiToken.objects.get()
    answer = browser(owner).post(f"/users/{owner.pk}/tokens/{token.pk}/waive-step-up/", {"waived": "on"})
    assert answer.status_code == 403


def test_promise_17_no_token_carries_what_waives_a_step_up(administrator, api):
    token = ApiToken
    client = api(administrator, step_up_exempt=False)
    row = token.objects.get()
    answer = client.post(
        f"/api/v1/users/{administrator.pk}/tokens/{row.pk}/waive-step-up/", {"waived": True}, format="json"
    )
    assert answer.status_code == 403


def test_deployhub_itself_and_a_job_that_was_queued_are_not_asked(owner, acting, project):
    policy.require(system_actor("migration"), "user.create")
    queued = acting(owner, second_factor_at=None).for_job(project.pk)
    assert queued.door is Door.WORKER
    policy.require(queued, "membership.grant", project)


# At the browser.


def test_a_page_leads_to_the_step_up_and_back(owner, browser):
    client = browser(owner, minutes_ago=11)
    led = client.get("/account/tokens/new/?x=1")
    assert led.headers["Location"] == "/account/step-up/?next=%2Faccount%2Ftokens%2Fnew%2F%3Fx%3D1"
    page = client.get(led.headers["Location"]).content.decode()
    assert "asks for a fresh password" in page
    done = client.post("/account/step-up/", {"password": PASSWORD, "next": "/account/tokens/new/?x=1"})
    assert done.headers["Location"] == "/account/tokens/new/?x=1"
    assert client.get("/account/tokens/new/").status_code == 200
    event = AuditEvent.objects.get(action="mfa.step_up")
    assert (event.outcome, event.changes) == ("success", {"factor": [None, "password"]})


def test_a_fragment_is_led_there_as_a_whole_page(owner, browser):
    client = browser(owner, minutes_ago=11)
    answer = client.get(
        "/account/tokens/new/",
        headers={"HX-Request": "true", "HX-Current-URL": "http://testserver/account/tokens/"},
    )
    assert answer.status_code == 204
    assert answer.headers["HX-Redirect"] == "/account/step-up/?next=%2Faccount%2Ftokens%2F"


def test_a_form_that_was_sent_too_late_is_kept_and_sent_again(owner, viewer, browser, project):
    client = browser(owner, minutes_ago=11)
    sent = {"username": "viewer", "role": "engineer", "tick": ["a", "b"]}
    led = client.post(
        f"/projects/{project.slug}/members/", sent, HTTP_REFERER="http://testserver/projects/shapes/members/"
    )
    assert led.headers["Location"] == "/account/step-up/?next=%2Fprojects%2Fshapes%2Fmembers%2F&again=1"
    assert "is kept and sent afterwards" in client.get(led.headers["Location"]).content.decode()
    done = client.post(
        "/account/step-up/", {"password": PASSWORD, "next": "/projects/shapes/members/", "again": "1"}
    )
    page = client.get(done.headers["Location"]).content.decode()
    assert f'action="/projects/{project.slug}/members/"' in page
    fields = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page)
    kept = [(name, value) for name, value in fields if name != "csrfmiddlewaretoken"]
    assert kept == [("username", "viewer"), ("role", "engineer"), ("tick", "a"), ("tick", "b")]
    client.post(f"/projects/{project.slug}/members/", dict(kept))
    assert Membership.objects.get(user=viewer).role == "engineer"
    # Handed out once.
    assert client.get(done.headers["Location"]).status_code == 302


def test_the_kept_form_is_forgotten_after_ten_minutes(owner, browser, project, monkeypatch):
    from deployhub.doors import step_up

    client = browser(owner, minutes_ago=11)
    client.post(f"/projects/{project.slug}/members/", {"username": "viewer", "role": "viewer"})
    now = step_up.time.time()
    monkeypatch.setattr(step_up.time, "time", lambda: now + 601)
    assert client.get("/account/step-up/again/?next=/models/").headers["Location"] == "/models/"


@pytest.mark.parametrize(
    "body",
    [{"username": "x", "password": "hunter2hunter2"}, {"username": "x" * 70_000}],
    ids=["secret", "big"],
)
def test_no_password_and_nothing_large_is_kept_in_the_session(administrator, browser, body):
    client = browser(administrator, minutes_ago=11)
    led = client.post("/users/new/", body)
    assert "again" not in led.headers["Location"]
    assert "step_up_form" not in client.session


@pytest.mark.parametrize(
    "address", ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)", ""]
)
def test_a_step_up_leads_to_no_other_site(owner, browser, address):
    done = browser(owner).post("/account/step-up/", {"password": PASSWORD, "next": address})
    assert done.headers["Location"] == "/"


def test_who_has_a_second_factor_cannot_confirm_by_password(engineer, browser, phone):
    app = phone(engineer)
    client = browser(engineer, minutes_ago=11)
    with_second_factor(client)
    page = client.get("/account/step-up/").content.decode()
    assert 'name="code"' in page
    assert 'name="password"' not in page
    assert client.post("/account/step-up/", {"password": PASSWORD}).status_code == 400
    assert client.get("/account/tokens/new/").status_code == 302
    assert client.post("/account/step-up/", {"code": app.code()}).status_code == 302
    assert client.get("/account/tokens/new/").status_code == 200


def with_second_factor(client: Any) -> None:
    session = client.session
    session["sign_in_factor"] = "totp"
    session.save()


def test_promise_15_a_code_of_a_step_up_works_once_and_a_recovery_code_too(
    engineer, browser, phone, recovery_codes
):
    code, recovery = phone(engineer).code(), recovery_codes(engineer)[0]
    client = browser(engineer, minutes_ago=11)
    with_second_factor(client)
    for shown in ({"code": code}, {"recovery_code": recovery}):
        assert client.post("/account/step-up/", shown).status_code == 302
        assert client.post("/account/step-up/", shown).status_code == 400


def test_wrong_step_ups_are_recorded_and_slowed_down(engineer, browser, phone):
    app = phone(engineer)
    client = browser(engineer, minutes_ago=11)
    with_second_factor(client)
    for _ in range(5):
        assert client.post("/account/step-up/", {"code": "000000"}).status_code == 400
    assert client.post("/account/step-up/", {"code": app.code()}).status_code == 429
    failed = AuditEvent.objects.filter(action="mfa.step_up", outcome="failed")
    assert failed.count() == 6
    assert client.get("/account/tokens/new/").status_code == 302


def test_the_session_goes_on_under_a_new_key_after_a_step_up(owner, browser):
    client = browser(owner, minutes_ago=11)
    before = client.session.session_key
    client.post("/account/step-up/", {"password": PASSWORD})
    assert client.session.session_key != before
    assert User.objects.get(pk=client.session["_auth_user_id"]) == owner


def test_a_policy_that_demands_a_second_factor_takes_no_password_instead(owner, browser, project):
    from deployhub.accounts.models.security_policy import ONLY_ROW, SecurityPolicy

    with system_scope("owners need one"):
        SecurityPolicy.objects.create(pk=ONLY_ROW, mfa_required_roles=["owner"])
    client = browser(owner)
    assert client.get("/account/tokens/new/").headers["Location"] == "/account/mfa/"
    answer = client.post(
        "/api/v1/tokens/", {"label": "ci", "scopes": ["read"]}, content_type="application/json"
    )
    assert (answer.status_code, answer.json()["code"]) == (403, "mfa_required")
    assert client.post("/account/mfa/new/").headers["Location"].endswith("/confirm/")
