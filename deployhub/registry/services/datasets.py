"""Datasets: one zip each, looked into before it is kept."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from django.conf import settings

from deployhub.kernel.actor import Actor
from deployhub.kernel.errors import Conflict, InvalidInput
from deployhub.registry.dataset_archive import dataset_examine
from deployhub.registry.file_kind import ZIP_MAGIC, suffix_of
from deployhub.registry.models import Blob, Dataset, Project, Upload
from deployhub.registry.services.models import slug_of
from deployhub.registry.services.uploads import upload_consume
from deployhub.registry.storage import blob_copy, blob_head, blob_open
from deployhub.registry.vocab import DATASET_SUFFIXES
from deployhub.usecase import usecase


@usecase("dataset.create", on="project")
def dataset_create(
    *, actor: Actor, project: Project, upload: Upload, name: str, purpose: str, description: str = ""
) -> Dataset:
    """A dataset from a complete upload. Raises InvalidInput when the zip is none, Conflict for a name in use."""
    if upload.project_id != project.pk:
        raise InvalidInput(
            "The upload belongs to another project.", errors={"upload": ["Belongs to another project."]}
        )
    name = " ".join(name.split())
    slug = slug_of(name)
    if Dataset.objects.filter(project=project, slug=slug).exists():
        raise Conflict(
            f"{project.name} has a dataset named like this already ({slug}).",
            hint="Give this one another name.",
            code="dataset_exists",
            errors={"name": ["A dataset of this name exists already."]},
        )
    upload_consume(actor=actor, upload=upload)
    blob = upload.blob
    if suffix_of(upload.file_name) not in DATASET_SUFFIXES or not blob_head(blob, 4).startswith(ZIP_MAGIC):  # type: ignore[arg-type]
        sentence = f"{upload.file_name} is not a zip file."
        raise InvalidInput(
            sentence, hint="Upload the dataset as one .zip file.", errors={"upload": [sentence]}
        )
    with _seekable(blob) as file:  # type: ignore[arg-type]
        facts = dataset_examine(file, purpose=purpose)
    dataset = Dataset(
        project=project,
        name=name,
        slug=slug,
        purpose=purpose,
        description=description.strip(),
        blob=blob,
        file_name=upload.file_name,
        image_count=facts.image_count,
        label_count=facts.label_count,
        class_names=facts.class_names,
        created_by_id=actor.user_id,
    )
    dataset.full_clean(exclude=["class_names", "created_by"])
    dataset.save()
    return dataset


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
