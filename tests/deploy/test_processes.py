"""The compose file's start commands, run for real: two workers with two work folders share one queue."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

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


SETUP_CODE = """
import io, pathlib
from deployhub.access.models import Membership
from deployhub.accounts.models import User
from deployhub.audit.scope import system_scope
from deployhub.kernel.actor import Actor, ActorKind, Door
from deployhub.registry.models import Project
from deployhub.registry.services.uploads import upload_continue, upload_create
from deployhub.registry.services.versions import version_create

with system_scope("the test's people"):
    project = Project.objects.create(name="Shapes", slug="shapes")
    owner = User(username="owner", name="Owner", demo_answered=True)
    owner.set_password("correct horse battery staple")
    owner.save()
    Membership.objects.create(user=owner, project=project, role="owner")
actor = Actor(kind=ActorKind.USER, name="owner", door=Door.BROWSER, user_id=owner.pk)
content = pathlib.Path("deployhub/engine/demo/shapes-yolov8n.pt").read_bytes()
upload = upload_create(actor=actor, project=project, file_name="shapes.pt", size_bytes=len(content))
upload = upload_continue(actor=actor, upload=upload, offset_bytes=0, source=io.BytesIO(content))
version, job = version_create(actor=actor, project=project, upload=upload, model_name="Shapes")
print(version.pk)
"""
EXPORT_CODE = """
from deployhub.accounts.models import User
from deployhub.conversion.services import export_create
from deployhub.kernel.actor import Actor, ActorKind, Door
from deployhub.registry.models import ModelVersion

actor = Actor(kind=ActorKind.USER, name="owner", door=Door.BROWSER, user_id=User.objects.get(username="owner").pk)
version = ModelVersion.objects.get(pk="{version}")
for size_px in {sizes_px}:
    export_create(actor=actor, version=version, format_key="onnx", options={{"image_size_px": size_px}})
"""
STATE_CODE = """
import json
from deployhub.jobs.models import Job
from deployhub.registry.models import Artifact, ModelVersion

print(json.dumps({
    "versions": list(ModelVersion.objects.values_list("state", flat=True)),
    "jobs": list(Job.objects.order_by("created_at").values_list("kind", "state", "worker_name")),
    "artifacts": [[str(pk), proof] for pk, proof in Artifact.objects.values_list("pk", "proof")],
}))
"""


@pytest.mark.engine
@pytest.mark.slow
def test_two_workers_share_the_queue_and_every_artifact_arrives(stack: Stack):
    def state() -> dict[str, Any]:
        return dict(json.loads(stack.manage(STATE_CODE)))

    ask = (
        "from deployhub.jobs.models import WorkerNode as W; print(W.objects.exclude(catalogue=None).count())"
    )
    stack.wait_until(lambda: stack.manage(ask) == "2", "both workers told their formats")
    version = stack.manage(SETUP_CODE).splitlines()[-1]
    stack.wait_until(lambda: state()["versions"] == ["accepted"], "the version is inspected and accepted")

    sizes_px = [64, 96, 128, 160, 192, 224, 256, 288]
    stack.manage(EXPORT_CODE.format(version=version, sizes_px=sizes_px))
    stack.wait_until(
        lambda: all(job_state in ("succeeded", "failed") for _, job_state, _ in state()["jobs"]),
        "every job ended",
        within_s=400,
    )
    ended = state()
    exports = [job for job in ended["jobs"] if job[0] == "export"]
    assert [job_state for _, job_state, _ in exports] == ["succeeded"] * len(sizes_px), ended
    assert {worker for _, _, worker in exports} == {"worker-1", "worker-2"}
    assert len(ended["artifacts"]) == len(sizes_px)
    assert {proof for _, proof in ended["artifacts"]} == {"verified"}
    for name in ("worker-1", "worker-2"):
        left = [path for path in (stack.folder / name / "work").iterdir() if path.name != ".alive"]
        assert left == [], "a finished job leaves nothing in its work folder"
