"""Writes that cross the floors: the demo project, and the periodic sweep."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib.sessions.models import Session

from deployhub.access import policy
from deployhub.accounts.services.sessions import sessions_sweep
from deployhub.audit.scope import touch
from deployhub.doors.models import IdempotencyRecord
from deployhub.jobs.services import duty_mark
from deployhub.kernel.actor import Actor
from deployhub.kernel.clock import utc_now
from deployhub.kernel.errors import Conflict
from deployhub.portal.vocab import DEMO_DATASETS, DEMO_FOLDER, DEMO_PROJECT_SLUG, DEMO_WEIGHTS
from deployhub.registry.models import Project, Upload
from deployhub.registry.services.access_requests import access_requests_sweep
from deployhub.registry.services.datasets import dataset_create
from deployhub.registry.services.members import memberships_sweep
from deployhub.registry.services.models import model_create
from deployhub.registry.services.projects import project_create
from deployhub.registry.services.uploads import upload_continue, upload_create, uploads_sweep
from deployhub.registry.services.versions import version_create
from deployhub.usecase import usecase

IDEMPOTENCY_KEPT = timedelta(days=1)


def demo_exists() -> bool:
    return Project.objects.filter(slug=DEMO_PROJECT_SLUG).exists()


@usecase("account.update", on="user")
def demo_offer_answer(*, actor: Actor, user: Any) -> None:
    """Remember that this person was offered the demo project."""
    if user.demo_answered:
        touch(user)
        return
    user.demo_answered = True
    user.save(update_fields=["demo_answered"])


def _demo_upload(actor: Actor, project: Project, name: str) -> Upload:
    """Bring a file of the demo in by the way that every file takes."""
    path = DEMO_FOLDER / name
    upload = upload_create(actor=actor, project=project, file_name=name, size_bytes=path.stat().st_size)
    with path.open("rb") as file:
        return upload_continue(actor=actor, upload=upload, offset_bytes=0, source=file)


def demo_load(*, actor: Actor) -> Project:
    """The demo project: a YOLOv8n trained on generated shapes, its evaluation and its calibration set.

    Raises Conflict when it was loaded before. Everything goes through the use cases that people use, so the log
    tells of it and the model is inspected by the confined engine.
    """
    policy.require(actor, "demo.load")
    if demo_exists():
        raise Conflict("The demo project is loaded already.", hint="Open it from the list of projects.")
    project = project_create(
        actor=actor,
        name="Demo: shapes",
        slug=DEMO_PROJECT_SLUG,
        description="Circles, squares, triangles and stars: a small detector that was really trained, to try things on.",
    )
    for name, purpose, file_name in DEMO_DATASETS:
        dataset_create(
            actor=actor,
            project=project,
            upload=_demo_upload(actor, project, file_name),
            name=name,
            purpose=purpose,
            description="Generated images of 320 px with known boxes.",
        )
    model = model_create(
        actor=actor,
        project=project,
        name="Shapes detector",
        description="Finds four shapes on generated images.",
    )
    version_create(
        actor=actor,
        project=project,
        model=model,
        upload=_demo_upload(actor, project, DEMO_WEIGHTS),
        notes="YOLOv8n, 70 epochs at 160 px from random weights; mAP50 0.995, mAP50-95 0.908 on the evaluation set.",
    )
    return project


def sweep() -> dict[str, int]:
    """Remove what has served its time: sessions, remembered answers, abandoned uploads, ended memberships."""
    sessions, _ = Session.objects.filter(expire_date__lt=utc_now()).delete()
    answers, _ = IdempotencyRecord.objects.filter(created_at__lt=utc_now() - IDEMPOTENCY_KEPT).delete()
    counts = {"sessions": sessions, "answers": answers, **uploads_sweep(), **sessions_sweep()}
    counts |= {"memberships": memberships_sweep(), "requests": access_requests_sweep()}
    duty_mark(name="sweep", facts=counts)
    return counts
