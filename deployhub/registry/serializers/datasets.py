"""How datasets and their versions look in the API."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from rest_framework import serializers

from deployhub.registry.vocab import DatasetPurpose, DatasetSeverity, DatasetState, Task


def _at(moment: datetime | None) -> str | None:
    return moment.isoformat().replace("+00:00", "Z") if moment is not None else None


class DatasetVersionSummarySerializer(serializers.Serializer):
    """A version of a dataset as a list shows it."""

    id = serializers.UUIDField(help_text="Id of the version.")
    project = serializers.CharField(help_text="Short name of its project.")
    dataset = serializers.UUIDField(help_text="Id of its dataset.")
    dataset_name = serializers.CharField(help_text="Name of its dataset.")
    purpose = serializers.ChoiceField(choices=DatasetPurpose.choices, help_text="What the dataset is for.")
    number = serializers.IntegerField(help_text="Number within the dataset, from 1.")
    state = serializers.ChoiceField(
        choices=DatasetState.choices,
        help_text="checking until the check has ended; then accepted or refused.",
    )
    refusal = serializers.CharField(help_text="Why it was refused; empty otherwise.")
    task = serializers.ChoiceField(
        choices=Task.choices, allow_null=True, help_text="What its labels are for; null until checked."
    )
    file_name = serializers.CharField(help_text="Name of the uploaded file.")
    size_bytes = serializers.IntegerField(help_text="Size of the file, bytes.")
    sha256 = serializers.CharField(help_text="SHA-256 of the file, hexadecimal.")
    manifest_sha256 = serializers.CharField(
        help_text="SHA-256 over the content of its images and labels, however they were packed; empty until checked."
    )
    image_count = serializers.IntegerField(help_text="Images in it.")
    label_count = serializers.IntegerField(help_text="Label files in it.")
    class_names = serializers.ListField(
        child=serializers.CharField(), help_text="Names of the classes, in order."
    )
    notes = serializers.CharField(help_text="What is different about this version.")
    created_by = serializers.CharField(allow_null=True, help_text="Account that uploaded it.")
    created_at = serializers.DateTimeField(help_text="When it was uploaded (UTC).")

    def to_representation(self, instance: Any) -> dict[str, Any]:
        return {
            "id": str(instance.pk),
            "project": instance.dataset.project.slug,
            "dataset": str(instance.dataset_id),
            "dataset_name": instance.dataset.name,
            "purpose": instance.dataset.purpose,
            "number": instance.number,
            "state": instance.state,
            "refusal": instance.refusal,
            "task": instance.task or None,
            "file_name": instance.file_name,
            "size_bytes": instance.blob.size_bytes,
            "sha256": instance.blob.sha256,
            "manifest_sha256": instance.manifest_sha256,
            "image_count": instance.image_count,
            "label_count": instance.label_count,
            "class_names": instance.class_names,
            "notes": instance.notes,
            "created_by": instance.created_by.username if instance.created_by is not None else None,
            "created_at": _at(instance.created_at),
        }


class DatasetExampleSerializer(serializers.Serializer):
    file = serializers.CharField(help_text="File inside the zip; empty when it is about the whole.")
    line = serializers.IntegerField(allow_null=True, help_text="Line of a label file, from 1.")
    detail = serializers.CharField(help_text="What was found there.")


class DatasetFindingSerializer(serializers.Serializer):
    code = serializers.CharField(help_text="Kind of finding, such as label_missing.")
    severity = serializers.ChoiceField(
        choices=DatasetSeverity.choices, help_text="Errors refuse the version; the others do not."
    )
    title = serializers.CharField(help_text="What was found.")
    advice = serializers.CharField(help_text="What to do about it.")
    count = serializers.IntegerField(help_text="How often.")
    examples = DatasetExampleSerializer(many=True, help_text="The first examples.")


class DatasetVersionSerializer(DatasetVersionSummarySerializer):
    """A version of a dataset with all that its check found."""

    report = DatasetFindingSerializer(many=True, help_text="What the check found, worst first.")
    statistics = serializers.DictField(
        help_text="Classes, boxes, splits and image sizes; empty until checked."
    )
    profile = serializers.DictField(
        help_text="Reference profile for drift: histograms with fixed bins; empty until checked."
    )
    thumbnails = serializers.ListField(
        child=serializers.DictField(),
        help_text="Small pictures with their labels as fractions of the image; fetch each under thumbnails/NUMBER/.",
    )
    check_job = serializers.UUIDField(allow_null=True, help_text="Job of the latest check.")

    def to_representation(self, instance: Any) -> dict[str, Any]:
        job = self.context.get("job")
        return {
            **super().to_representation(instance),
            "report": instance.report,
            "statistics": instance.statistics,
            "profile": instance.profile,
            "thumbnails": [
                {name: value for name, value in row.items() if name not in ("offset", "size_bytes")}
                for row in instance.thumbnails
            ],
            "check_job": str(job.pk) if job is not None else None,
        }


class DatasetSerializer(serializers.Serializer):
    """A dataset, with its newest version."""

    id = serializers.UUIDField(help_text="Id of the dataset.")
    project = serializers.CharField(help_text="Short name of its project.")
    name = serializers.CharField(help_text="Name of the dataset.")
    slug = serializers.CharField(help_text="Short name of the dataset.")
    purpose = serializers.ChoiceField(choices=DatasetPurpose.choices, help_text="What it is for.")
    description = serializers.CharField(help_text="What it contains.")
    version_count = serializers.IntegerField(help_text="How many versions it has.")
    newest = DatasetVersionSummarySerializer(help_text="Its newest version.")
    created_by = serializers.CharField(allow_null=True, help_text="Account that made it.")
    created_at = serializers.DateTimeField(help_text="When it was made (UTC).")

    def to_representation(self, instance: Any) -> dict[str, Any]:
        newest = instance.newest
        newest.dataset = instance  # known already: no query for each row
        return {
            "id": str(instance.pk),
            "project": instance.project.slug,
            "name": instance.name,
            "slug": instance.slug,
            "purpose": instance.purpose,
            "description": instance.description,
            "version_count": len(instance.versions.all()),
            "newest": DatasetVersionSummarySerializer(newest).data,
            "created_by": instance.created_by.username if instance.created_by is not None else None,
            "created_at": _at(instance.created_at),
        }


class DatasetCreate(serializers.Serializer):
    upload = serializers.UUIDField(help_text="Id of a complete upload of a .zip file in YOLO layout.")
    name = serializers.CharField(max_length=80, help_text="Name of the dataset.")
    purpose = serializers.ChoiceField(choices=DatasetPurpose.choices, help_text="What it is for.")
    description = serializers.CharField(
        max_length=4_000, required=False, allow_blank=True, help_text="What it contains."
    )


class DatasetVersionCreate(serializers.Serializer):
    upload = serializers.UUIDField(help_text="Id of a complete upload of a .zip file in YOLO layout.")
    dataset = serializers.UUIDField(help_text="Id of the dataset that it is a version of.")
    notes = serializers.CharField(
        max_length=4_000, required=False, allow_blank=True, help_text="What is different about this version."
    )


class DatasetVersionQueued(serializers.Serializer):
    """A version on its way, and the job that checks it."""

    version = DatasetVersionSerializer(help_text="The version, in checking until the check has ended.")
    job = serializers.UUIDField(help_text="Id of the check's job; its address is in the Location header.")


class DatasetCheckQueued(serializers.Serializer):
    job = serializers.UUIDField(help_text="Id of the check's job; its address is in the Location header.")


class DatasetComparisonSerializer(serializers.Serializer):
    """What changed from one version of a dataset to another."""

    base = serializers.UUIDField(help_text="Id of the version compared with.")
    version = serializers.UUIDField(help_text="Id of this version.")
    classes_added = serializers.ListField(child=serializers.CharField(), help_text="Classes that are new.")
    classes_removed = serializers.ListField(child=serializers.CharField(), help_text="Classes that are gone.")
    added = serializers.ListField(
        child=serializers.CharField(), help_text="Images that are new; at most 500."
    )
    removed = serializers.ListField(
        child=serializers.CharField(), help_text="Images that are gone; at most 500."
    )
    changed = serializers.ListField(
        child=serializers.CharField(), help_text="Images with other content; at most 500."
    )
    relabelled = serializers.ListField(
        child=serializers.CharField(), help_text="Images whose labels or split changed; at most 500."
    )
    counts = serializers.DictField(
        child=serializers.IntegerField(), help_text="How many of each, and how many are unchanged."
    )
