"""Tokens that turned up where they should not be; and how they are written."""

from __future__ import annotations

import re
import tomllib
from typing import Any
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from rest_framework.test import APIClient

from deployhub.accounts.models import ApiToken
from deployhub.audit.models import AuditEvent
from deployhub.kernel.token_text import (
    TOKEN_PATTERN,
    TokenPrefix,
    is_mistyped,
    is_token_text,
    token_text_new,
    tokens_in,
)
from tests.architecture.tree import ROOT


def as_token(text: str) -> APIClient:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {text}")
    return client


def report(text: str, address: str = "203.0.113.7") -> Any:
    return APIClient(REMOTE_ADDR=address).post("/api/v1/report-a-token/", {"text": text}, format="json")


def strange() -> str:
    return token_text_new(TokenPrefix.PERSONAL, uuid4())


# The text of a token


@pytest.mark.parametrize("prefix", list(TokenPrefix))
def test_every_token_fits_the_pattern_and_its_own_check_characters(prefix):
    for _ in range(50):
        text = token_text_new(prefix, uuid4())
        assert re.fullmatch(TOKEN_PATTERN, text)
        assert is_token_text(text)
        assert not is_mistyped(text)


def test_one_wrong_character_anywhere_shows_as_a_typing_mistake():
    text = strange()
    for index in range(len("dh_pat_") + 33, len(text)):
        wrong = text[:index] + ("a" if text[index] != "a" else "b") + text[index + 1 :]
        assert not is_token_text(wrong)
        assert is_mistyped(wrong)
    assert is_mistyped(text[:-3])


def test_what_only_looks_like_a_token_is_no_false_alarm():
    real = strange()
    mistyped = real[:-1] + ("Y" if real.endswith("X") else "X")
    text = f"example: dh_pat_{'0' * 32}_{'A' * 49} and dh_svc_short and {mistyped}"
    assert list(tokens_in(text)) == []


def test_tokens_are_found_in_any_text_once_each():
    one, two = strange(), token_text_new(TokenPrefix.SERVICE, uuid4())
    text = f'{{"token":"{one}"}}\nexport T={two};\n# {one}'
    assert set(tokens_in(text)) == {one, two}


def test_the_rule_for_secret_scanners_is_the_pattern_of_the_code():
    rule = tomllib.loads((ROOT / "docs" / "secret-scanning.toml").read_text())["rules"][0]
    assert rule["regex"] == TOKEN_PATTERN
    assert TOKEN_PATTERN in (ROOT / "docs" / "api.md").read_text()


# Reports by anybody


@pytest.mark.django_db
def test_a_reported_token_ends_at_once_and_owner_and_administrators_are_told(
    engineer, administrator, token_of, browser
):
    text = token_of(engineer)
    assert as_token(text).get("/api/v1/me/").status_code == 200
    assert report(f"found in a public repository: {text}").status_code == 202
    assert as_token(text).get("/api/v1/me/").status_code == 401
    assert AuditEvent.objects.filter(action="token.refuse").latest("id").reason == "leaked token"
    token = ApiToken.objects.get()
    assert (token.is_leaked, token.revoked_at is not None) == (True, True)
    event = AuditEvent.objects.filter(action="token.leak_report", object_id=str(token.pk)).get()
    assert (event.actor_kind, event.address) == ("anonymous", "203.0.113.7")
    assert text not in str(list(AuditEvent.objects.values()))
    for person, place in ((engineer, "/account/tokens/"), (administrator, "/issued-tokens/?state=leaked")):
        assert "leaked" in browser(person).get(place).content.decode()
        assert "Token “test” of Engineer leaked" in browser(person).get("/").content.decode()


@pytest.mark.django_db
def test_the_answer_is_the_same_whether_the_token_exists_or_not(engineer, token_of):
    ours, revoked = token_of(engineer), token_of(engineer)
    report(revoked, "203.0.113.1")
    answers = [
        report(text, f"203.0.113.{n}") for n, text in enumerate((ours, revoked, strange(), "x"), start=2)
    ]
    assert {(a.status_code, a.content, tuple(sorted(a.headers))) for a in answers} == {
        (202, answers[0].content, tuple(sorted(answers[0].headers)))
    }
    csrf = re.compile(rb'(value|content)="\w{64}"|\b[0-9a-f]{32}\b')
    pages = [
        csrf.sub(b"", Client(REMOTE_ADDR=f"198.51.100.{n}").post("/report-a-token/", {"text": text}).content)
        for n, text in enumerate((token_of(engineer), strange()))
    ]
    assert pages[0] == pages[1]


@pytest.mark.django_db
def test_whoever_reports_again_and_again_is_slowed_down(engineer, token_of):
    statuses = [report(strange()).status_code for _ in range(8)]
    assert statuses[:5] == [202] * 5
    assert statuses[-1] == 429
    assert report(strange(), "203.0.113.99").status_code == 202


@pytest.mark.django_db
def test_a_report_that_is_empty_or_too_long_is_refused_plainly():
    assert report("").status_code == 400
    assert report("x" * 20_001).status_code == 400
    assert Client().post("/report-a-token/", {"text": ""}).status_code == 422
    assert Client().get("/report-a-token/").status_code == 200


# The administrator's check


@pytest.mark.django_db
def test_an_administrator_looks_through_a_file_and_revokes_what_is_still_usable(
    administrator, engineer, token_of, browser
):
    live, old = token_of(engineer), token_of(engineer)
    report(old)
    log = SimpleUploadedFile("build.log", f"noise {live}\nnoise {old}\n{strange()}".encode())
    page = (
        browser(administrator).post("/issued-tokens/check/", {"file": log, "revoke": "on"}).content.decode()
    )
    assert "was usable, revoked now" in page
    assert "had ended before" in page
    assert live not in page
    assert as_token(live).get("/api/v1/me/").status_code == 401


@pytest.mark.django_db
def test_a_check_without_revoking_changes_no_token_and_is_in_the_log(
    administrator, engineer, token_of, browser
):
    live = token_of(engineer)
    body = {"text": f"a {live}", "revoke": False}
    answer = browser(administrator).post(
        "/api/v1/issued-tokens/check/", body, content_type="application/json"
    )
    assert [entry["was_usable"] for entry in answer.json()["found"]] == [True]
    assert as_token(live).get("/api/v1/me/").status_code == 200
    event = AuditEvent.objects.filter(action="token.check_leak").latest("id")
    assert event.changes == {"tokens_found": [None, 1], "still_usable": [None, 1]}
    assert live not in str(list(AuditEvent.objects.values()))


@pytest.mark.django_db
def test_an_auditor_and_a_token_may_not_check(auditor, administrator, browser, api):
    assert browser(auditor).get("/issued-tokens/check/").status_code == 403
    assert (
        api(administrator).post("/api/v1/issued-tokens/check/", {"text": "x"}, format="json").status_code
        == 403
    )
