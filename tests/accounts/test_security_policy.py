"""The security policy: who must have a second factor, from when on, and what happens to who has none."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from deployhub.accounts.models import SecurityPolicy, User
from deployhub.accounts.services.security import security_update
from deployhub.audit.models import AuditEvent
from deployhub.kernel.clock import utc_now

PASSWORD = "correct horse battery staple"
pytestmark = pytest.mark.django_db


@pytest.fixture
def demand(administrator: Any, acting: Any) -> Any:
    """The administrator changes the policy: `demand(mfa_required_roles=["engineer"])`."""

    def change(**fields: Any) -> SecurityPolicy:
        return security_update(actor=acting(administrator), **fields)

    return change


def days_pass(user: Any, days: float) -> None:
    row = User.objects.get(pk=user.pk)
    User.objects.filter(pk=user.pk).unaudited_update(
        mfa_demanded_at=row.mfa_demanded_at - timedelta(days=days)
    )


def test_an_administrator_changes_the_policy_and_the_log_says_what(administrator, browser):
    client = browser(administrator)
    assert client.get("/settings/security/").status_code == 200
    sent = {
        "mfa_required_roles": ["engineer", "administrator"],
        "mfa_grace_days": 3,
        "step_up_minutes": 5,
        "session_idle_minutes": 60,
        "session_absolute_hours": 8,
    }
    assert client.post("/settings/security/", sent).status_code == 302
    policy = SecurityPolicy.current()
    assert (policy.mfa_required_roles, policy.mfa_grace_days) == (["administrator", "engineer"], 3)
    event = AuditEvent.objects.get(action="security.update")
    assert event.changes["step_up_minutes"] in ([10, 5], [None, 5])


def test_an_auditor_reads_the_policy_and_cannot_change_it(auditor, browser):
    client = browser(auditor)
    page = client.get("/settings/security/").content.decode()
    assert "Save" not in page
    assert client.get("/api/v1/security-policy/").json()["step_up_minutes"] == 10
    refused = client.patch(
        "/api/v1/security-policy/", {"step_up_minutes": 1}, content_type="application/json"
    )
    assert refused.status_code == 403


@pytest.mark.parametrize(
    "bad", [{"step_up_minutes": 11}, {"mfa_required_roles": ["king"]}, {"mfa_grace_days": 91}]
)
def test_a_policy_out_of_bounds_is_refused_at_both_doors(administrator, browser, acting, bad):
    from deployhub.kernel.errors import InvalidInput

    client = browser(administrator)
    assert client.patch("/api/v1/security-policy/", bad, content_type="application/json").status_code == 400
    assert client.post("/settings/security/", bad).status_code == 422
    with pytest.raises(InvalidInput):
        security_update(actor=acting(administrator), **bad)
    assert SecurityPolicy.current().step_up_minutes == 10


def test_the_preview_counts_whom_a_demand_reaches(administrator, owner, engineer, viewer, browser, phone):
    phone(engineer)
    client = browser(administrator)
    asked = {"mfa_required_roles": ["owner", "engineer"]}
    text = client.get("/settings/security/preview/", asked).content.decode()
    assert "This affects 2 people; 1 of them has no second factor yet." in text
    answer = client.post("/api/v1/security-policy/preview/", asked, content_type="application/json")
    assert answer.json() == {"people": 2, "without_second_factor": 1}
    everybody = client.get("/settings/security/preview/", {"mfa_required_for_all": "on"}).content.decode()
    assert "This affects 4 people; 3 of them have no second factor yet." in everybody


def test_during_the_days_of_grace_a_banner_counts_them_and_everything_goes_on(engineer, browser, demand):
    demand(mfa_required_roles=["engineer"], mfa_grace_days=7)
    client = browser(engineer)
    assert "Set one up within 7 days" in client.get("/models/").content.decode()
    days_pass(engineer, 6)
    assert "Set one up within 1 day;" in client.get("/models/").content.decode()


def test_whom_nothing_is_demanded_of_sees_no_banner(viewer, browser, demand):
    demand(mfa_required_roles=["engineer"])
    assert "A second factor is demanded" not in browser(viewer).get("/").content.decode()


def test_promise_16_after_the_days_of_grace_nothing_opens_but_enrolment(engineer, browser, token_of, demand):
    from django.test import Client
    from django_otp.oath import totp

    from tests.accounts.test_second_factor import seed_on

    token = token_of(engineer)
    demand(mfa_required_for_all=True, mfa_grace_days=7)
    days_pass(engineer, 7)
    client = browser(engineer)
    for address in ("/", "/models/", "/account/", "/account/tokens/", "/docs/"):
        assert client.get(address).headers["Location"] == "/account/mfa/"
    assert client.get("/api/v1/models/").json()["code"] == "mfa_required"
    with_token = Client().get("/api/v1/models/", headers={"Authorization": f"Bearer {token}"})
    assert (with_token.status_code, with_token.json()["code"]) == (403, "mfa_required")
    # A header that looks like a token does not open the session's door.
    assert client.get("/api/v1/models/", headers={"Authorization": "Bearer x"}).status_code in (401, 403)
    # Enrolment opens everything again, the token's door included.
    page = client.post("/account/mfa/new/", follow=True)
    code = f"{totp(seed_on(page.content.decode())):06d}"
    client.post(page.redirect_chain[-1][0], {"name": "Phone", "code": code})
    assert client.get("/models/").status_code == 200
    assert Client().get("/api/v1/models/", headers={"Authorization": f"Bearer {token}"}).status_code == 200


def test_the_days_begin_with_the_demand_and_not_with_the_next_sign_in(engineer, browser, demand):
    """A dormant account with a stolen password gets no fresh days of grace."""
    demand(mfa_required_for_all=True)
    assert User.objects.get(pk=engineer.pk).mfa_demanded_at is not None
    days_pass(engineer, 8)
    assert browser(engineer).get("/models/").status_code == 302


def test_a_demand_that_was_lifted_is_forgotten(engineer, browser, demand):
    demand(mfa_required_roles=["engineer"])
    days_pass(engineer, 30)
    demand(mfa_required_roles=[])
    assert browser(engineer).get("/models/").status_code == 200
    assert User.objects.get(pk=engineer.pk).mfa_demanded_at is None


def test_who_must_have_a_second_factor_cannot_remove_the_only_one(engineer, browser, phone, demand):
    phone(engineer)
    demand(mfa_required_roles=["engineer"])
    client = browser(engineer)
    session = client.session
    session["sign_in_factor"] = "totp"
    session.save()
    device = engineer.totp_devices.get()
    client.post(f"/account/mfa/{device.pk}/remove/")
    assert engineer.totp_devices.exists()


def test_a_fresh_installation_demands_a_second_factor_of_administrators_and_auditors(db):
    from deployhub.accounts.services.passwords import first_administrator_create

    assert first_administrator_create() is not None
    policy = SecurityPolicy.current()
    assert policy.mfa_required_roles == ["administrator", "auditor"]
    assert policy.mfa_grace_days == 7
    assert policy.created_at <= utc_now()
