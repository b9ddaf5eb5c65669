"""How versions look in the API."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from rest_framework import serializers

from deployhub.registry.vocab import SourceKind, Task, VersionState


def _at(moment: datetime | None) -> str | None:
    return moment.isoformat().replace("+00:00", "Z") if moment is not None else None


class VersionSummarySerializer(serializers.Serializer):
    """A version as a list shows it."""

    id = serializers.UUIDField(help_text="Id of the version.")
    project = serializers.CharField(help_text="Short name of its project.")
    model = serializers.UUIDField(help_text="Id of its model.")
    model_name = serializers.CharField(help_text="Name of its model.")
    number = serializers.IntegerField(help_text="Number within the model, from 1.")
    state = serializers.ChoiceField(
        choices=VersionState.choices, help_text="quarantined until inspected; then accepted or refused."
    )
    refusal = serializers.CharField(help_text="Why it was refused; empty otherwise.")
    file_name = serializers.CharField(help_text="Name of the uploaded file.")
    source_kind = serializers.ChoiceField(choices=SourceKind.choices, help_text="Kind of the uploaded file.")
    size_bytes = serializers.IntegerField(help_text="Size of the file, bytes.")
    sha256 = serializers.CharField(help_text="SHA-256 of the file, hexadecimal.")
    task = serializers.ChoiceField(choices=Task.choices, allow_null=True, help_text="What the model does.")
    architecture = serializers.CharField(help_text="Architecture, such as YOLO11.")
    variant = serializers.CharField(help_text="Size letter, n to x.")
    parameters = serializers.IntegerField(allow_null=True, help_text="Number of parameters.")
    gflops = serializers.FloatField(allow_null=True, help_text="Billions of operations for one image.")
    image_size_px = serializers.IntegerField(
        allow_null=True, help_text="Input size it was trained with, pixels."
    )
    aliases = serializers.ListField(
        child=serializers.CharField(), help_text="Aliases that point at this version."
    )
    notes = serializers.CharField(help_text="Notes of the people who work with it.")
    created_by = serializers.CharField(allow_null=True, help_text="Account that uploaded it.")
    created_at = serializers.DateTimeField(help_text="When it was uploaded (UTC).")

    def to_representation(self, instance: Any) -> dict[str, Any]:
        row = {column: _column(instance, column) for column in VERSION_COLUMNS}
        return version_summary(row, [alias.name for alias in instance.aliases.all()])


VERSION_COLUMNS = (
    "id", "project__slug", "model_id", "model__name", "number", "state", "refusal", "file_name", "source_kind",
    "blob__size_bytes", "blob__sha256", "task", "architecture", "variant", "parameters", "gflops", "image_size_px",
    "notes", "created_by__username", "created_at",
)  # fmt: skip
"""What a list reads of a version, as `QuerySet.values` names it."""


def _column(instance: Any, column: str) -> Any:
    value = instance
    for part in column.split("__"):
        value = None if value is None else getattr(value, part)
    return value


def version_summary(row: dict[str, Any], aliases: list[str]) -> dict[str, Any]:
    """A version of VERSION_COLUMNS as VersionSummarySerializer describes it."""
    return {
        "id": str(row["id"]),
        "project": row["project__slug"],
        "model": str(row["model_id"]),
        "model_name": row["model__name"],
        "number": row["number"],
        "state": row["state"],
        "refusal": row["refusal"],
        "file_name": row["file_name"],
        "source_kind": row["source_kind"],
        "size_bytes": row["blob__size_bytes"],
        "sha256": row["blob__sha256"],
        "task": row["task"] or None,
        "architecture": row["architecture"],
        "variant": row["variant"],
        "parameters": row["parameters"],
        "gflops": row["gflops"],
        "image_size_px": row["image_size_px"],
        "aliases": aliases,
        "notes": row["notes"],
        "created_by": row["created_by__username"],
        "created_at": _at(row["created_at"]),
    }


class VersionSerializer(VersionSummarySerializer):
    """A version with all that its inspection found."""

    class_names = serializers.ListField(
        child=serializers.CharField(), help_text="Names of the classes, in order."
    )
    inspection = serializers.DictField(
        help_text="What the engine found: layers, inputs, outputs, training arguments, scan."
    )
    inspection_job = serializers.UUIDField(allow_null=True, help_text="Job of the latest inspection.")

    def to_representation(self, instance: Any) -> dict[str, Any]:
        job = self.context.get("job")
        return {
            **super().to_representation(instance),
            "class_names": instance.class_names,
            "inspection": instance.inspection,
            "inspection_job": str(job.pk) if job is not None else None,
        }


class VersionCreate(serializers.Serializer):
    upload = serializers.UUIDField(help_text="Id of a complete upload.")
    model = serializers.UUIDField(required=False, help_text="Id of the model that it is a version of.")
    model_name = serializers.CharField(max_length=80, required=False, help_text="Or the name of a new model.")
    notes = serializers.CharField(max_length=4_000, required=False, allow_blank=True, help_text="Notes.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("model" in attrs) == ("model_name" in attrs):
            raise serializers.ValidationError({"model": ["Give either model or model_name."]})
        return attrs


class VersionUpdate(serializers.Serializer):
    notes = serializers.CharField(
        max_length=4_000, allow_blank=True, help_text="New notes; nothing else of a version changes."
    )


class VersionQueued(serializers.Serializer):
    """A version on its way, and the job that inspects it."""

    version = VersionSerializer(help_text="The version, in quarantine until it is inspected.")
    job = serializers.UUIDField(help_text="Id of the inspection job; its address is in the Location header.")


class InspectionQueued(serializers.Serializer):
    job = serializers.UUIDField(help_text="Id of the inspection job; its address is in the Location header.")
