"""jobs, job, cancel, retry, the lists, and how failures are told."""

from __future__ import annotations

import json
import socket

import httpx
import pytest

from deployhub.engine.client import EngineFailed
from deployhub.jobs.models import Job
from tests.conversion.conftest import FakeEngine
from tests.servers import port_free

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def queued(as_user, engineer, version, catalogue) -> str:
    """The id of an export that waits for a worker."""
    return as_user(engineer)("export", str(version.pk), "-f", "onnx", "--json").document["job"]


def test_jobs_are_listed_and_filtered(queued, run):
    assert [row["id"] for row in run("jobs", "--json").document["results"]] == [queued]
    assert run("jobs", "--state", "failed", "--json").document["results"] == []
    assert run("jobs", "--project", "shapes", "--mine", "--json").document["results"][0]["state"] == "queued"
    lines = run("jobs").out.splitlines()
    assert len(lines) == 2
    assert lines[1].split("\t")[:2] == [queued, "queued"]


def test_a_job_is_cancelled_once_and_told_the_second_time(queued, run):
    assert run("cancel", queued).code == 0
    assert Job.objects.get().state == "cancelled"
    again = run("cancel", queued)
    assert again.code == 0
    assert "already" in again.out
    assert run("job", queued, "--follow").code == 6


def test_a_job_that_ended_cannot_be_cancelled(queued, run, work_while_waiting):
    work_while_waiting(FakeEngine())
    assert run("job", queued, "--follow").code == 0
    done = run("cancel", queued)
    assert done.code == 1
    assert "already succeeded" in done.err


def test_a_failed_job_is_shown_with_its_log_and_run_again(queued, run, work_while_waiting):
    engine = FakeEngine()
    engine.failure = EngineFailed(code="limit_memory", detail="Too much memory.", hint="Take less.")
    work_while_waiting(engine)
    assert run("job", queued, "--follow").code == 1
    shown = run("job", queued, "--log")
    assert shown.code == 0
    assert "Too much memory." in shown.out
    assert "exported" in shown.out
    assert any(line.endswith("exported") for line in run("job", queued, "--log", "--json").document["log"])
    engine.failure = None
    assert run("retry", queued, "--wait").code == 0
    assert Job.objects.get().state == "succeeded"
    assert run("retry", queued).code == 1


def test_lists_answer_with_one_json_document_each(queued, run, version):
    assert run("models", "--json").document["results"][0]["slug"] == "shapes-detector"
    assert run("versions", "shapes/shapes-detector", "--json").document["results"][0]["id"] == str(version.pk)
    assert run("artifacts", str(version.pk), "--json").document == {"results": []}
    assert {"onnx", "openvino"} <= {row["key"] for row in run("formats", "--json").document["results"]}
    assert run("formats", "onnx", "--json").document["key"] == "onnx"
    assert run("formats", "nothing").code == 4
    for words in (
        ("models",),
        ("versions",),
        ("artifacts",),
        ("formats",),
        ("formats", "onnx"),
        ("job", queued),
    ):
        assert run(*words).code == 0


def test_a_list_goes_on_over_pages(as_user, engineer, make_version, monkeypatch):
    from deployhub.client import connection

    monkeypatch.setattr(connection, "PAGE_SIZE_MAX", 2)
    made = [str(make_version().pk) for _ in range(5)]
    run = as_user(engineer)
    rows = run("versions", "--json").document["results"]
    assert sorted(row["id"] for row in rows) == sorted(made)
    assert len(run("versions", "--limit", "3", "--json").document["results"]) == 3


def test_quiet_says_nothing_but_the_answer(as_user, engineer, version, catalogue, work_while_waiting):
    work_while_waiting(FakeEngine())
    done = as_user(engineer)("--quiet", "export", str(version.pk), "-f", "onnx", "--wait")
    assert done.code == 0
    assert done.err == ""
    assert "verified" in done.out


def test_what_was_not_written_right_ends_with_2_and_two_lines(run):
    for words in (
        ("push",),
        ("no-such-command",),
        ("jobs", "--state", "lost"),
        ("export", "a/b", "-f", "onnx", "-o", "x"),
        (),
    ):
        done = run(*words)
        assert done.code == 2, words
        assert len(done.err.strip().splitlines()) == 2, done.err
        assert done.out == ""


def test_json_is_valid_also_when_the_command_is_wrong(run):
    done = run("job", "--json")
    assert done.code == 2
    assert done.document["exit_code"] == 2


def test_a_server_that_is_not_there_ends_with_5(run, monkeypatch):
    monkeypatch.setenv("DEPLOYHUB_URL", f"http://127.0.0.1:{port_free()}")
    monkeypatch.setenv("DEPLOYHUB_TOKEN", "dh_pat_x")
    done = run("jobs", "--json", "--retries", "1")
    assert done.code == 5
    assert done.document["exit_code"] == 5
    assert "can't be reached" in done.err


def test_a_server_that_never_answers_ends_with_5(run, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("DEPLOYHUB_URL", f"http://127.0.0.1:{silent.getsockname()[1]}")
        monkeypatch.setenv("DEPLOYHUB_TOKEN", "dh_pat_x")
        done = run("jobs", "--timeout", "0.3", "--retries", "0")
    assert done.code == 5
    assert "--timeout" in done.err


def test_an_unknown_token_ends_with_3(run, live_server, monkeypatch):
    monkeypatch.setenv("DEPLOYHUB_URL", live_server.url)
    monkeypatch.setenv("DEPLOYHUB_TOKEN", "dh_pat_x")
    done = run("jobs")
    assert done.code == 3
    assert "deployhub login" in done.err


def _server(handler):
    from deployhub.client.configuration import Account
    from deployhub.client.connection import Server

    said: list[str] = []
    return Server(
        Account("https://hub.example", "t"),
        timeout_s=5,
        say=said.append,
        transport=httpx.MockTransport(handler),
    ), said


def test_a_request_waits_as_long_as_the_server_asks(monkeypatch):
    from deployhub.client import connection

    pauses: list[float] = []
    monkeypatch.setattr(connection.time, "sleep", pauses.append)
    answers = [
        httpx.Response(429, headers={"Retry-After": "7"}),
        httpx.Response(503),
        httpx.Response(200, json={"a": 1}),
    ]
    server, said = _server(lambda request: answers.pop(0))
    assert server.get("me/") == {"a": 1}
    assert pauses[0] == 7
    assert 0 < pauses[1] < 7
    assert len(said) == 2


def test_a_creation_that_is_tried_again_carries_the_same_key(monkeypatch):
    from deployhub.client import connection

    monkeypatch.setattr(connection.time, "sleep", lambda seconds: None)
    keys: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        keys.append(request.headers["Idempotency-Key"])
        if len(keys) == 1:
            raise httpx.ReadError("gone", request=request)
        if len(keys) == 2:  # the first try is still being worked on
            detail = "A request with this Idempotency-Key is being worked on."
            return httpx.Response(
                409,
                content=json.dumps({"detail": detail, "code": "idempotency_in_progress"}),
                headers={"Content-Type": "application/problem+json"},
            )
        return httpx.Response(201, json={})

    server, _ = _server(answer)
    server.create("exports/", {})
    server.create("exports/", {})
    assert keys[0] == keys[1] == keys[2] != keys[3]


def test_a_request_that_is_refused_is_not_tried_again():
    tries: list[int] = []

    def answer(request: httpx.Request) -> httpx.Response:
        tries.append(1)
        return httpx.Response(409, json={"detail": "No.", "code": "conflict"})

    from deployhub.client.failures import ServerRefused

    server, _ = _server(answer)
    with pytest.raises(ServerRefused):
        server.create("exports/")
    assert len(tries) == 1


def test_a_redirect_is_told_and_not_followed():
    from deployhub.client.failures import ServerRefused

    hosts: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        hosts.append(request.url.host)
        return httpx.Response(301, headers={"Location": "https://evil.example/"})

    server, _ = _server(answer)
    with pytest.raises(ServerRefused, match="evil"):
        server.get("me/")
    assert hosts == ["hub.example"]
