"""The compose file's start commands, run for real: two workers with two work folders share one queue."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from deployhub.standalone.prepare import MARK
from tests.deploy.stack import Stack
from tests.servers import postgres_serve, valkey_serve

pytestmark = pytest.mark.processes


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with postgres_serve() as database_url, valkey_serve() as (redis_url, _):
        made = Stack(tmp_path_factory.mktemp("stack"), database_url=database_url, redis_url=redis_url)
        try:
            first_run = next(line for line in made.run("setup").splitlines() if line.startswith(MARK))
            assert json.loads(first_run.removeprefix(MARK))["created"] is True
            made.start("web")
            made.start("worker", name="worker-1", home="worker-1")
            made.start("worker", name="worker-2", home="worker-2")
            made.start("beat")
            made.wait_until(lambda: made.page("/healthz")[0] == 200, "the web server answers")
            yield made
        finally:
            made.end()


def test_setup_is_done_once_and_may_run_at_every_start(stack: Stack):
    again = next(line for line in stack.run("setup").splitlines() if line.startswith(MARK))
    assert json.loads(again.removeprefix(MARK)) == {"created": False}


def test_the_web_server_answers_behind_its_proxy_and_sends_others_to_tls(stack: Stack):
    status, _ = stack.page("/sign-in/")
    assert status == 200
    connection = http.client.HTTPConnection("127.0.0.1", stack.port, timeout=10)
    connection.request("GET", "/sign-in/", headers={"Host": "localhost"})
    plain = connection.getresponse()
    assert (plain.status, plain.headers["Location"]) == (301, "https://localhost/sign-in/")
    connection.close()


def test_both_workers_report_for_duty_each_with_a_work_folder_of_its_own(stack: Stack):
    ask = "from deployhub.jobs.models import WorkerNode as W; print(*W.objects.order_by('name').values_list('name', flat=True))"
    stack.wait_until(lambda: stack.manage(ask) == "worker-1 worker-2", "both workers are in the list")
    for name in ("worker-1", "worker-2"):
        # The very file that the container's health check reads.
        alive = stack.folder / name / "work" / ".alive"
        stack.wait_until(alive.exists, f"{name} shows that it lives", within_s=60)
    assert not (stack.folder / "state" / "work" / ".alive").exists()


def test_beat_sends_the_duties_and_a_worker_does_them(stack: Stack):
    def done() -> bool:
        return any(
            "deployhub.jobs.reconcile" in line and "succeeded" in line
            for name in ("worker-1", "worker-2")
            for line in (stack.folder / f"{name}.log").read_text(errors="replace").splitlines()
        )

    stack.wait_until(done, "a duty was done", within_s=60)
    assert Path(stack.folder, "beat-schedule").exists() or list(stack.folder.glob("beat-schedule*"))
