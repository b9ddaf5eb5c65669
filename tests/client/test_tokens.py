"""What the command says of the token in use, and how it replaces it."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from deployhub.kernel.clock import utc_now

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def machine(owner: Any, project: Any, acting: Any) -> Any:
    from deployhub.accounts.services.service_accounts import service_create

    return service_create(
        actor=acting(owner), project=project, username="nightly", purpose="exports", role="engineer"
    )


def test_a_token_tells_its_rights_and_its_end(run, live_server, token_of, engineer, project):
    text = token_of(engineer, scopes=["read"], permissions=["export.create"], networks=["127.0.0.0/8"])
    run("login", "--url", live_server.url, "--token-stdin", stdin=text)
    done = run("tokens")
    assert done.code == 0
    for words in ("read, export.create", "accepted from: 127.0.0.0/8", "all projects"):
        assert words in done.out
    assert "export.create" in run("whoami").out
    assert run("tokens", "--json").document["networks"] == ["127.0.0.0/8"]


def test_a_token_that_ends_within_a_week_is_warned_of_and_fails_a_pipeline_that_asks(
    run, live_server, token_of, engineer
):
    ends = utc_now() + timedelta(days=5)
    run("login", "--url", live_server.url, "--token-stdin", stdin=token_of(engineer, expires_at=ends))
    for command in ("whoami", "tokens"):
        done = run(command)
        assert (done.code, "ends in 5 days" in done.err) == (0, True), done.err
    assert run("tokens", "--expires-within", "3").code == 0
    late = run("tokens", "--expires-within", "7")
    assert (late.code, "ends in 5 days" in late.err) == (1, True)


def test_a_mistyped_token_is_told_from_a_revoked_one_without_asking_the_server(
    run, live_server, token_of, engineer
):
    from deployhub.audit.models import AuditEvent

    text = token_of(engineer)
    for wrong in (text[:-1] + ("0" if text[-1] != "0" else "1"), text[:-4]):
        done = run("login", "--url", live_server.url, "--token-stdin", stdin=wrong)
        assert (done.code, "mistyped" in done.err) == (2, True)
    assert not AuditEvent.objects.filter(action="token.refuse").exists()


def test_from_a_foreign_address_the_command_says_so(run, live_server, token_of, engineer):
    text = token_of(engineer, networks=["203.0.113.0/24"])
    done = run("login", "--url", live_server.url, "--token-stdin", stdin=text)
    assert done.code == 3
    assert "not accepted from the address that you come from" in done.err


def test_a_machine_replaces_its_token_and_keeps_the_successor(
    run, live_server, token_of, machine, config_home
):
    old = token_of(machine.user, rotates_itself=True)
    run("login", "--url", live_server.url, "--token-stdin", stdin=old)
    done = run("tokens", "--rotate", "--overlap-minutes", "5")
    assert done.code == 0, done.err
    stored = json.loads((config_home / "config.json").read_text())["token"]
    assert stored.startswith("dh_svc_")
    assert (stored != old, stored in done.out) == (True, False)
    assert run("whoami", "--json").document["token"]["predecessor_id"] is not None


def test_a_person_is_refused_and_an_environment_is_not_lost(
    run, live_server, token_of, engineer, monkeypatch
):
    run("login", "--url", live_server.url, "--token-stdin", stdin=token_of(engineer))
    assert run("tokens", "--rotate").code == 3
    monkeypatch.setenv("DEPLOYHUB_TOKEN", token_of(engineer))
    assert run("tokens", "--rotate").code == 2
