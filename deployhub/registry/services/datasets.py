"""Datasets and their versions: one zip each, looked into before it is kept, checked in the sandbox afterwards."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

from django.conf import settings
from django.db.models import Max

from deployhub.jobs.models import Job
from deployhub.jobs.services import job_enqueue
from deployhub.jobs.vocab import LIVE_STATES
from deployhub.kernel.actor import Actor
from deployhub.kernel.errors import Conflict, InvalidInput
from deployhub.registry.dataset_archive import DatasetFacts, dataset_examine
from deployhub.registry.dataset_report import ReportFacts
from deployhub.registry.file_kind import ZIP_MAGIC, suffix_of
from deployhub.registry.models import Blob, Dataset, DatasetVersion, Project, Upload
from deployhub.registry.selectors import dataset_check_job
from deployhub.registry.services.models import slug_of
from deployhub.registry.services.uploads import upload_consume
from deployhub.registry.storage import StoredFile, blob_copy, blob_head, blob_open, blob_record
from deployhub.registry.vocab import DATASET_CHECK_JOB, DATASET_SUFFIXES, DatasetState
from deployhub.usecase import usecase


class DatasetVersionExists(Conflict):
    """The same file is a version of this dataset already; `version` is that one."""

    code = "dataset_version_exists"
    title = "This file is a version of the dataset already"

    def __init__(self, version: DatasetVersion) -> None:
        super().__init__(
            f"{version} is this very file (sha256 {version.blob.sha256[:12]}…), so no new version was made.",
            hint="Use that version.",
            extra={"version_id": str(version.pk), "number": version.number},
        )
        self.version = version


@usecase("dataset.create", on="project")
def dataset_create(
    *, actor: Actor, project: Project, upload: Upload, name: str, purpose: str, description: str = ""
) -> DatasetVersion:
    """A dataset with its first version, from a complete upload; the check of the version is queued.

    Raises InvalidInput when the zip is none or hostile, Conflict for a name in use.
    """
    name = " ".join(name.split())
    slug = slug_of(name)
    if Dataset.objects.filter(project=project, slug=slug).exists():
        raise Conflict(
            f"{project.name} has a dataset named like this already ({slug}).",
            hint="Give this one another name, or upload the file as a new version of that dataset.",
            code="dataset_exists",
            errors={"name": ["A dataset of this name exists already."]},
        )
    facts = _zip_examine(actor, project, upload, purpose=purpose)
    dataset = Dataset(
        project=project,
        name=name,
        slug=slug,
        purpose=purpose,
        description=description.strip(),
        created_by_id=actor.user_id,
    )
    dataset.full_clean(exclude=["created_by"])
    dataset.save()
    return _version_make(actor, dataset, upload, facts, number=1)


@usecase("dataset.extend", on="dataset")
def dataset_extend(*, actor: Actor, dataset: Dataset, upload: Upload, notes: str = "") -> DatasetVersion:
    """The next version of a dataset, from a complete upload; its check is queued.

    Raises InvalidInput when the zip is none or hostile, DatasetVersionExists when the dataset has this file already.
    """
    # One uploader of a dataset at a time: the row lock makes number and "same file" safe to decide.
    dataset = Dataset.objects.select_for_update(of=("self",)).select_related("project").get(pk=dataset.pk)
    same = (
        DatasetVersion.objects.filter(dataset=dataset, blob=upload.blob)
        .select_related("dataset", "blob")
        .first()
    )
    if upload.blob is not None and same is not None:
        raise DatasetVersionExists(same)
    facts = _zip_examine(actor, dataset.project, upload, purpose=dataset.purpose)
    newest = DatasetVersion.objects.filter(dataset=dataset).aggregate(n=Max("number"))["n"] or 0
    return _version_make(actor, dataset, upload, facts, number=newest + 1, notes=notes)


@usecase("dataset.check", on="version")
def dataset_check(*, actor: Actor, version: DatasetVersion) -> Job:
    """Check again a version that was not accepted. Raises Conflict when it was, or while it is being checked."""
    version = (
        DatasetVersion.objects.select_for_update(of=("self",))
        .select_related("dataset", "project")
        .get(pk=version.pk)
    )
    if version.state == DatasetState.ACCEPTED:
        raise Conflict(
            f"{version} was accepted; an accepted version never changes.", hint="Nothing needs to be done."
        )
    job = dataset_check_job(version)
    if job is not None and job.state in LIVE_STATES:
        raise Conflict(f"{version} is being checked now.", hint="Wait for the check to end.")
    if version.state == DatasetState.REFUSED:
        version.state = DatasetState.CHECKING
        version.refusal = ""
        version.save(update_fields=["state", "refusal"])
    return _check_enqueue(actor, version)


def dataset_version_settle(
    *, version_id: UUID, facts: ReportFacts, manifest: StoredFile, pictures: StoredFile | None
) -> None:
    """Within the job's commit: what the check found, accepted or refused. An accepted version is left as it is."""
    DatasetVersion.objects.filter(pk=version_id).exclude(state=DatasetState.ACCEPTED).compare_and_set(
        state=DatasetState.REFUSED if facts.refusal else DatasetState.ACCEPTED,
        refusal=facts.refusal,
        manifest=blob_record(manifest),
        pictures=blob_record(pictures) if pictures is not None else None,
        **facts.columns(),
    )


def dataset_version_refuse(*, version_id: UUID, sentence: str) -> None:
    """Within the job's commit: why this zip is no dataset."""
    DatasetVersion.objects.filter(pk=version_id).exclude(state=DatasetState.ACCEPTED).compare_and_set(
        state=DatasetState.REFUSED, refusal=sentence
    )


def _zip_examine(actor: Actor, project: Project, upload: Upload, *, purpose: str) -> DatasetFacts:
    if upload.project_id != project.pk:
        raise InvalidInput(
            "The upload belongs to another project.", errors={"upload": ["Belongs to another project."]}
        )
    upload_consume(actor=actor, upload=upload)
    blob = upload.blob
    if suffix_of(upload.file_name) not in DATASET_SUFFIXES or not blob_head(blob, 4).startswith(ZIP_MAGIC):  # type: ignore[arg-type]
        sentence = f"{upload.file_name} is not a zip file."
        raise InvalidInput(
            sentence, hint="Upload the dataset as one .zip file.", errors={"upload": [sentence]}
        )
    with _seekable(blob) as file:  # type: ignore[arg-type]
        return dataset_examine(file, purpose=purpose)


def _version_make(
    actor: Actor, dataset: Dataset, upload: Upload, facts: DatasetFacts, *, number: int, notes: str = ""
) -> DatasetVersion:
    version = DatasetVersion(
        project=dataset.project,
        dataset=dataset,
        number=number,
        blob=upload.blob,
        file_name=upload.file_name,
        notes=notes.strip(),
        image_count=facts.image_count,
        label_count=facts.label_count,
        class_names=facts.class_names,
        created_by_id=actor.user_id,
    )
    given = {"file_name", "notes"}
    version.clean_fields(exclude={field.name for field in version._meta.fields} - given)
    version.save()
    _check_enqueue(actor, version)
    return version


def _check_enqueue(actor: Actor, version: DatasetVersion) -> Job:
    return job_enqueue(
        actor=actor,
        kind=DATASET_CHECK_JOB,
        title=f"Check {version}",
        project=version.project,
        spec={"dataset_version_id": str(version.pk)},
        subject=version,
    )


@contextlib.contextmanager
def _seekable(blob: Blob) -> Iterator[BinaryIO]:
    """The blob as a file that can be sought in; one from a bucket is copied to the upload folder first."""
    with contextlib.closing(blob_open(blob)) as file:
        if file.seekable():
            yield file
            return
    with tempfile.TemporaryDirectory(dir=settings.DEPLOYHUB_UPLOAD_ROOT) as folder:
        copy = Path(folder) / "dataset.zip"
        blob_copy(blob, copy)
        with copy.open("rb") as file:
            yield file
