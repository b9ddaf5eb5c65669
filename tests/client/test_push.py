"""push: over good and bad networks, once and again."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from deployhub.engine.client import EngineFailed
from deployhub.registry.models import ModelVersion, RegisteredModel, Upload
from tests.registry.conftest import INSPECTION, FakeEngine, checkpoint_bytes

pytestmark = pytest.mark.django_db(transaction=True)

MIB = 1024**2


@pytest.fixture
def model_file(tmp_path: Path) -> Path:
    path = tmp_path / "best.pt"
    path.write_bytes(checkpoint_bytes())
    return path


@pytest.fixture
def large_file(tmp_path: Path) -> Path:
    """20 MiB: three pieces. Looks like a checkpoint from outside."""
    path = tmp_path / "large.pt"
    path.write_bytes(checkpoint_bytes() + os.urandom(20 * MIB))
    return path


def sha256_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_an_engineer_pushes_a_file_and_follows_its_inspection(
    as_user, engineer, model_file, work_while_waiting
):
    work_while_waiting(FakeEngine(INSPECTION))
    done = as_user(engineer)(
        "push",
        str(model_file),
        "-p",
        "shapes",
        "-m",
        "Street signs",
        "--create",
        "--wait",
        "--notes",
        "night run",
        "--json",
    )
    assert done.code == 0, done.err
    told = done.document
    assert told["created"] is True
    assert told["version"]["state"] == "accepted"
    assert told["version"]["sha256"] == sha256_of(model_file)
    version = ModelVersion.objects.get()
    assert (version.model.slug, version.notes, version.created_by) == ("street-signs", "night run", engineer)
    assert "Inspect Street signs v1: succeeded" in done.err


def test_the_same_file_twice_is_told_and_sends_nothing(as_user, engineer, model_file):
    run = as_user(engineer)
    words = ("push", str(model_file), "-p", "shapes", "-m", "Signs", "--json")
    first = run(*words, "--create")
    again = run(*words)
    assert (first.code, again.code) == (0, 0)
    assert again.document["created"] is False
    assert again.document["version"]["id"] == first.document["version"]["id"]
    assert "already" in again.err
    assert Upload.objects.count() == 1
    assert ModelVersion.objects.count() == 1


def test_a_model_that_is_not_there_is_told_before_anything_is_sent(as_user, engineer, model_file):
    done = as_user(engineer)("push", str(model_file), "-p", "shapes", "-m", "Signs")
    assert done.code == 4
    assert "--create" in done.err
    assert not Upload.objects.exists()
    assert not RegisteredModel.objects.exists()


def test_a_project_of_others_is_not_found(as_user, engineer, foreign_project, model_file):
    done = as_user(engineer)("push", str(model_file), "-p", "elsewhere", "-m", "Signs", "--create")
    assert done.code == 4
    assert not Upload.objects.exists()


def test_a_viewer_may_not_push(as_user, viewer, model_file):
    done = as_user(viewer)("push", str(model_file), "-p", "shapes", "-m", "Signs", "--create")
    assert done.code == 3
    assert len(done.err.strip().splitlines()) == 3  # what begins, what happened, what to do


def test_a_refused_model_ends_with_1_and_says_why(as_user, engineer, model_file, work_while_waiting):
    work_while_waiting(
        FakeEngine(
            EngineFailed(
                code="malicious_model", detail="The file tried to call os.system.", hint="Do not trust it."
            )
        )
    )
    run = as_user(engineer)
    words = ("push", str(model_file), "-p", "shapes", "-m", "Signs", "--create", "--wait", "--json")
    for _ in range(2):  # also when it is pushed again
        done = run(*words)
        assert done.code == 1
        assert "os.system" in done.err
        assert done.document["exit_code"] == 1
        assert "os.system" in done.document["error"]["detail"]


def test_a_file_that_is_no_model_is_refused_in_two_lines(as_user, engineer, tmp_path):
    (tmp_path / "text.pt").write_text("hello")
    done = as_user(engineer)(
        "--quiet", "push", str(tmp_path / "text.pt"), "-p", "shapes", "-m", "S", "--create"
    )
    assert done.code == 1
    assert len(done.err.strip().splitlines()) == 2
    assert done.err.count("not a PyTorch checkpoint") == 1


def test_a_file_of_the_wrong_kind_is_a_mistake_in_the_command(as_user, engineer, tmp_path):
    (tmp_path / "notes.txt").write_text("hello")
    (tmp_path / "empty.pt").touch()
    run = as_user(engineer)
    for name in ("notes.txt", "empty.pt", "missing.pt"):
        assert run("push", str(tmp_path / name), "-p", "shapes", "-m", "S", "--create").code == 2, name


def test_an_upload_over_a_link_that_breaks_goes_on_and_arrives_whole(
    as_user, engineer, large_file, flaky_link
):
    flaky_link.break_up_after = [3 * MIB, 5 * MIB, 9 * MIB]
    done = as_user(engineer, url=flaky_link.url)(
        "push", str(large_file), "-p", "shapes", "-m", "Signs", "--create", "--json", "--timeout", "20"
    )
    assert done.code == 0, done.err
    assert flaky_link.broken == 3
    assert "Trying again" in done.err
    assert done.document["version"]["sha256"] == sha256_of(large_file)
    assert Upload.objects.count() == 1


def test_an_answer_that_is_lost_does_not_double_what_was_created(
    as_user, engineer, model_file, flaky_link, monkeypatch
):
    """The connection breaks before the answer to each creation arrives: the same request is sent again."""
    from deployhub.client.connection import Server

    plain = Server.create
    monkeypatch.setattr(
        Server, "create", lambda self, *words: (self.http.close(), _again(self), plain(self, *words))[2]
    )

    def _again(server):  # a new connection, of which no byte of the answer comes back
        import httpx

        headers = server.http.headers
        server.http = httpx.Client(headers=headers, timeout=20)
        flaky_link.break_down_after = [0]

    done = as_user(engineer, url=flaky_link.url)(
        "push", str(model_file), "-p", "shapes", "-m", "Signs", "--create", "--json", "--timeout", "20"
    )
    assert done.code == 0, done.err
    assert flaky_link.broken == 1
    assert done.document["created"] is True
    assert ModelVersion.objects.count() == 1


def test_an_upload_that_was_stopped_goes_on_when_it_is_run_again(
    as_user, engineer, large_file, flaky_link, config_home
):
    run = as_user(engineer, url=flaky_link.url)
    words = ("push", str(large_file), "-p", "shapes", "-m", "Signs", "--create", "--json", "--timeout", "20")
    flaky_link.break_up_after = [10 * MIB]
    stopped = run(*words, "--retries", "0")
    assert stopped.code == 5
    assert list((config_home / "uploads").iterdir())
    sent_bytes = flaky_link.up_bytes

    done = run(*words)
    assert done.code == 0, done.err
    assert "where the last upload stopped" in done.err
    assert done.document["version"]["sha256"] == sha256_of(large_file)
    assert flaky_link.up_bytes - sent_bytes < 13 * MIB, "the first 8 MiB at least were not sent again"
    assert Upload.objects.count() == 1
    assert not list((config_home / "uploads").iterdir())


def test_ctrl_c_in_mid_upload_leaves_something_to_go_on_with(
    live_server, token_of, engineer, large_file, config_home, tmp_path, flaky_link
):
    """A real process and a real signal, in the middle of a piece on a link that hangs."""
    flaky_link.break_up_after = []
    environment = {
        **os.environ,
        "XDG_CONFIG_HOME": str(config_home.parent),
        "DEPLOYHUB_URL": flaky_link.url,
        "DEPLOYHUB_TOKEN": token_of(engineer),
    }
    words = [
        sys.executable, "-m", "deployhub.client.main",
        "push", str(large_file), "-p", "shapes", "-m", "Signs", "--create", "--json",
    ]  # fmt: skip
    client = subprocess.Popen(
        words, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    ends = time.monotonic() + 30
    while flaky_link.up_bytes < MIB and client.poll() is None and time.monotonic() < ends:
        time.sleep(0.005)
    client.send_signal(2)
    _, err = client.communicate(timeout=30)
    assert client.returncode == 130, err
    assert "Traceback" not in err
    assert "Stopped" in err

    done = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert ModelVersion.objects.get().blob.sha256 == sha256_of(large_file)


def test_an_upload_that_the_server_gave_up_begins_anew(as_user, engineer, model_file, config_home):
    from deployhub.client.configuration import private_write
    from deployhub.client.uploading import Unfinished

    run = as_user(engineer)
    unfinished = Unfinished(
        server_url=os.environ["DEPLOYHUB_URL"], project="shapes", sha256=sha256_of(model_file)
    )
    private_write(unfinished.path, '{"address": "/api/v1/uploads/0199c1d2-0000-7000-8000-000000000000/"}')
    done = run("push", str(model_file), "-p", "shapes", "-m", "Signs", "--create")
    assert done.code == 0, done.err
    assert ModelVersion.objects.count() == 1


def test_names_that_others_chose_cannot_steer_the_terminal(as_user, engineer, version_of, project):
    from deployhub.audit.scope import system_scope

    version_of(engineer, project, model_name="Signs")
    with system_scope("test name"):
        RegisteredModel.objects.update(name="Signs \x1b[31mred\x07 \u202ederip")
    done = as_user(engineer)("models")
    assert done.code == 0
    assert not re.search(r"[\x00-\x08\x0b-\x1f\u202e]", done.out)
    assert "Signs [31mred derip" in done.out
