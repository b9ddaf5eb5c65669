"""Signing in: what is stored, for whom, and who gets to see it."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import time

import pytest

pytestmark = pytest.mark.django_db(transaction=True)


def test_login_checks_the_token_and_stores_it_for_its_owner_alone(
    run, live_server, token_of, engineer, config_home
):
    token = token_of(engineer)
    done = run("login", "--url", live_server.url, "--token-stdin", stdin=f"{token}\n")
    assert done.code == 0, done.err
    assert "engineer" in done.out
    stored = config_home / "config.json"
    assert stat.S_IMODE(stored.stat().st_mode) == 0o600
    assert stat.S_IMODE(config_home.stat().st_mode) == 0o700
    assert json.loads(stored.read_text()) == {"url": live_server.url, "token": token}
    assert token not in done.out + done.err

    who = run("whoami", "--json")
    assert who.code == 0
    assert who.document["username"] == "engineer"
    assert who.document["roles"][0]["project_slug"] == "shapes"


def test_a_config_file_that_was_open_to_others_is_closed_by_the_next_login(
    run, live_server, token_of, engineer, config_home
):
    config_home.mkdir(parents=True)
    stored = config_home / "config.json"
    stored.write_text("{}")
    stored.chmod(0o644)
    assert run("login", "--url", live_server.url, "--token-stdin", stdin=token_of(engineer)).code == 0
    assert stat.S_IMODE(stored.stat().st_mode) == 0o600


def test_a_token_that_the_server_refuses_is_not_stored(run, live_server, db, config_home):
    done = run("login", "--url", live_server.url, "--token-stdin", stdin="dh_pat_wrong\n")
    assert done.code == 3
    assert not (config_home / "config.json").exists()
    assert len(done.err.strip().splitlines()) == 2
    assert done.out == ""


def test_logout_forgets_the_token(run, live_server, token_of, engineer, config_home):
    run("login", "--url", live_server.url, "--token-stdin", stdin=token_of(engineer))
    assert run("logout").code == 0
    assert not (config_home / "config.json").exists()
    assert run("whoami").code == 3
    assert run("logout").code == 0


def test_the_environment_goes_before_what_is_stored(
    run, live_server, token_of, engineer, viewer, monkeypatch
):
    run("login", "--url", live_server.url, "--token-stdin", stdin=token_of(engineer))
    monkeypatch.setenv("DEPLOYHUB_TOKEN", token_of(viewer))
    assert run("whoami", "--json").document["username"] == "viewer"


def test_a_stored_token_is_never_sent_to_another_server(run, live_server, token_of, engineer, monkeypatch):
    run("login", "--url", live_server.url, "--token-stdin", stdin=token_of(engineer))
    monkeypatch.setenv("DEPLOYHUB_URL", "https://elsewhere.example")
    done = run("whoami")
    assert done.code == 3
    assert "not signed in to https://elsewhere.example" in done.err


def test_an_address_in_an_answer_cannot_lead_the_token_to_another_host():
    from deployhub.client.configuration import Account
    from deployhub.client.connection import Server

    with Server(Account("https://hub.example/sub", "t"), timeout_s=1) as server:
        assert server.address("models/") == "https://hub.example/sub/api/v1/models/"
        assert (
            server.address("https://evil.example/api/v1/uploads/1/")
            == "https://hub.example/sub/api/v1/uploads/1/"
        )
        assert server.address("//evil.example/x") == "https://hub.example/sub/x"
        assert server.http.follow_redirects is False


def test_an_address_without_encryption_is_told(run, monkeypatch):
    from deployhub.client.configuration import is_in_clear

    assert is_in_clear("http://hub.example")
    assert not is_in_clear("https://hub.example")
    assert not is_in_clear("http://127.0.0.1:8000")


@pytest.mark.parametrize(
    "url", ["ftp://hub.example", "https://", "https://me:secret@hub.example", "https://hub:x"]
)
def test_an_address_that_is_none_is_refused(run, url):
    done = run("login", "--url", url, "--token-stdin", stdin="dh_pat_x")
    assert done.code == 2


def test_no_switch_turns_the_check_of_certificates_off():
    """Promised to operators: an own authority is named with --ca, and there is no other way round."""
    from deployhub.client.arguments import parser_build
    from deployhub.client.configuration import Account
    from deployhub.client.connection import Server

    words = parser_build().format_help().lower()
    assert not any(word in words for word in ("insecure", "no-verify", "skip-tls"))
    with Server(Account("https://hub.example", "t"), timeout_s=1) as server:
        context = server.http._transport._pool._ssl_context
        assert context.check_hostname
        assert context.verify_mode.name == "CERT_REQUIRED"


def test_a_ca_file_that_holds_no_certificate_is_a_mistake_in_the_command(as_user, engineer, tmp_path):
    (tmp_path / "ca.pem").write_text("nothing")
    done = as_user(engineer)("whoami", "--ca", str(tmp_path / "ca.pem"))
    assert done.code == 2
    assert "ca.pem" in done.err


def test_the_command_starts_without_django_and_soon():
    program = (
        "import sys, deployhub.client.main\n"
        "loaded = {name.partition('.')[0] for name in sys.modules}\n"
        'sys.exit(f\'loaded: {sorted(loaded & {"django", "rest_framework", "celery", "torch", "httpx", "rich"})}\''
        " if loaded & {'django', 'rest_framework', 'celery', 'torch', 'httpx', 'rich'} else 0)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr

    def seconds(*words: str) -> float:
        begun = time.monotonic()
        subprocess.run([sys.executable, *words], capture_output=True, check=True)
        return time.monotonic() - begun

    bare = min(seconds("-c", "pass") for _ in range(3))
    ours = min(seconds("-m", "deployhub.client.main", "--version") for _ in range(3))
    assert ours < bare * 4 + 0.2, "importing something heavy for --version"


def test_all_commands_load_no_django(config_home):
    program = (
        "import sys, importlib\n"
        "from deployhub.client.main import ROOMS\n"
        "for room in set(ROOMS.values()): importlib.import_module(f'deployhub.client.commands.{room}')\n"
        "sys.exit(bool({'django', 'rest_framework', 'celery', 'torch'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", program], env={**os.environ}).returncode == 0
