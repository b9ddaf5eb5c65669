"""Versions: made from an upload, inspected, described. After acceptance nothing but the notes ever changes."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import Max

from deployhub.audit.scope import require_scope
from deployhub.jobs.models import Job
from deployhub.jobs.services import job_enqueue
from deployhub.jobs.vocab import LIVE_STATES
from deployhub.kernel.actor import Actor
from deployhub.kernel.errors import Conflict, InvalidInput
from deployhub.registry.file_kind import HEAD_BYTES, model_kind_of
from deployhub.registry.inspection import InspectionFacts
from deployhub.registry.models import ModelVersion, Project, RegisteredModel, Upload
from deployhub.registry.selectors import version_inspection_job
from deployhub.registry.services.models import model_create
from deployhub.registry.services.uploads import upload_consume
from deployhub.registry.storage import blob_head
from deployhub.registry.vocab import INSPECT_JOB, VersionState
from deployhub.usecase import usecase


class VersionExists(Conflict):
    """The same file is a version of this model already; `version` is that one."""

    code = "version_exists"
    title = "This file is registered already"

    def __init__(self, version: ModelVersion) -> None:
        super().__init__(
            f"{version} is this very file (sha256 {version.blob.sha256[:12]}…), so no new version was made.",
            hint="Use that version.",
            extra={"version_id": str(version.pk), "number": version.number},
        )
        self.version = version


@usecase("version.create", on="project")
def version_create(
    *,
    actor: Actor,
    project: Project,
    upload: Upload,
    model: RegisteredModel | None = None,
    model_name: str = "",
    notes: str = "",
) -> tuple[ModelVersion, Job]:
    """A version of `model`, or of a new model `model_name`, from a complete upload; its inspection is queued.

    Raises InvalidInput when the file is no model, VersionExists when this model has it already.
    """
    if upload.project_id != project.pk or (model is not None and model.project_id != project.pk):
        raise InvalidInput(
            "The upload and the model belong to different projects.",
            hint="Upload the file to the model's project.",
            errors={"upload": ["Belongs to another project."]},
        )
    upload_consume(actor=actor, upload=upload)
    blob = upload.blob
    kind = model_kind_of(file_name=upload.file_name, head=blob_head(blob, HEAD_BYTES))  # type: ignore[arg-type]
    if model is None:
        if not model_name.strip():
            raise InvalidInput(
                "Choose a model, or name a new one.", errors={"model": ["Choose or name a model."]}
            )
        model = model_create(actor=actor, project=project, name=model_name)
    # One uploader of a model at a time: the row lock makes number and "same file" safe to decide.
    model = RegisteredModel.objects.select_for_update().get(pk=model.pk)
    same = ModelVersion.objects.filter(model=model, blob=blob).select_related("model", "blob").first()
    if same is not None:
        raise VersionExists(same)
    newest = ModelVersion.objects.filter(model=model).aggregate(n=Max("number"))["n"] or 0
    version = ModelVersion(
        project=project,
        model=model,
        number=newest + 1,
        blob=blob,
        file_name=upload.file_name,
        source_kind=kind,
        notes=notes.strip(),
        created_by_id=actor.user_id,
    )
    _check(version)
    version.save()
    return version, _inspection_enqueue(actor, version)


@usecase("version.inspect", on="version")
def version_inspect(*, actor: Actor, version: ModelVersion) -> Job:
    """Inspect again a version that was not accepted. Raises Conflict when it was, or while it is being inspected."""
    version = (
        ModelVersion.objects.select_for_update(of=("self",))
        .select_related("model", "project")
        .get(pk=version.pk)
    )
    if version.state == VersionState.ACCEPTED:
        raise Conflict(
            f"{version} was accepted; an accepted version never changes.", hint="Nothing needs to be done."
        )
    job = version_inspection_job(version)
    if job is not None and job.state in LIVE_STATES:
        raise Conflict(f"{version} is being inspected now.", hint="Wait for the inspection to end.")
    if version.state == VersionState.REFUSED:
        version.state = VersionState.QUARANTINED
        version.refusal = ""
        version.save(update_fields=["state", "refusal"])
    return _inspection_enqueue(actor, version)


@usecase("version.describe", on="version")
def version_describe(*, actor: Actor, version: ModelVersion, notes: str) -> ModelVersion:
    """Change the notes: the only thing about a version that a person may change."""
    version.notes = notes.strip()
    _check(version)
    version.save(update_fields=["notes"])
    _touch(version)
    return version


def version_accept(*, version_id: UUID, facts: InspectionFacts) -> None:
    """Within the job's commit: what the inspection found. An accepted version is left as it is."""
    version = ModelVersion.objects.select_related("model").get(pk=version_id)
    moved = (
        ModelVersion.objects.filter(pk=version_id)
        .exclude(state=VersionState.ACCEPTED)
        .compare_and_set(state=VersionState.ACCEPTED, refusal="", **facts.columns())
    )
    if moved and facts.task and not version.model.task:
        version.model.task = facts.task
        version.model.save(update_fields=["task"])


def version_refuse(*, version_id: UUID, sentence: str) -> None:
    """Within the job's commit: why this file is not accepted."""
    ModelVersion.objects.filter(pk=version_id).exclude(state=VersionState.ACCEPTED).compare_and_set(
        state=VersionState.REFUSED, refusal=sentence
    )


def _inspection_enqueue(actor: Actor, version: ModelVersion) -> Job:
    return job_enqueue(
        actor=actor,
        kind=INSPECT_JOB,
        title=f"Inspect {version}",
        project=version.project,
        spec={"version_id": str(version.pk)},
        subject=version,
    )


def _check(version: ModelVersion) -> None:
    """Validate what a person gave; the rest is filled by the inspection."""
    given = {"file_name", "source_kind", "notes"}
    version.clean_fields(exclude={field.name for field in version._meta.fields} - given)


def _touch(version: Any) -> None:
    """An unchanged text is still an act of somebody."""
    scope = require_scope("version.describe")
    if not scope.changed:
        scope.touch(version)
