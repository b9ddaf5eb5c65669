"""How the registry looks in the API. Plain fields, each with its meaning; rows are written as plain dictionaries,
which for a list of a hundred is several times as fast as asking each field."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from rest_framework import serializers

from deployhub.registry.serializers.datasets import (
    DatasetCheckQueued,
    DatasetComparisonSerializer,
    DatasetCreate,
    DatasetSerializer,
    DatasetVersionCreate,
    DatasetVersionQueued,
    DatasetVersionSerializer,
    DatasetVersionSummarySerializer,
)
from deployhub.registry.serializers.versions import (
    VERSION_COLUMNS,
    InspectionQueued,
    VersionCreate,
    VersionQueued,
    VersionSerializer,
    VersionSummarySerializer,
    VersionUpdate,
    version_summary,
)
from deployhub.registry.vocab import ACCESS_DAYS_MAX, Proof, Task, UploadState

__all__ = [
    "VERSION_COLUMNS",
    "DatasetCheckQueued",
    "DatasetComparisonSerializer",
    "DatasetCreate",
    "DatasetSerializer",
    "DatasetVersionCreate",
    "DatasetVersionQueued",
    "DatasetVersionSerializer",
    "DatasetVersionSummarySerializer",
    "InspectionQueued",
    "VersionCreate",
    "VersionQueued",
    "VersionSerializer",
    "VersionSummarySerializer",
    "VersionUpdate",
    "version_summary",
]


def _at(moment: datetime | None) -> str | None:
    return moment.isoformat().replace("+00:00", "Z") if moment is not None else None


def _name(person: Any) -> str | None:
    return person.username if person is not None else None


class ProjectSerializer(serializers.Serializer):
    id = serializers.UUIDField(help_text="Id of the project.")
    name = serializers.CharField(help_text="Name as people see it.")
    slug = serializers.CharField(help_text="Short name, used in addresses and filters.")
    description = serializers.CharField(help_text="What the project is about.")
    archived_at = serializers.DateTimeField(
        allow_null=True, help_text="When it was archived; null while it lives."
    )
    four_eyes = serializers.BooleanField(
        help_text="Whether the production alias needs another person than the version's maker."
    )
    created_at = serializers.DateTimeField(help_text="When it was created (UTC).")

    def to_representation(self, instance: Any) -> dict[str, Any]:
        return {
            "id": str(instance.pk),
            "name": instance.name,
            "slug": instance.slug,
            "description": instance.description,
            "archived_at": _at(instance.archived_at),
            "four_eyes": instance.four_eyes,
            "created_at": _at(instance.created_at),
        }


class ProjectCreate(serializers.Serializer):
    name = serializers.CharField(max_length=80, help_text="Name as people see it.")
    slug = serializers.SlugField(
        max_length=60, required=False, help_text="Short name; made from the name when left out."
    )
    description = serializers.CharField(
        max_length=2_000, required=False, allow_blank=True, help_text="What it is about."
    )


class ProjectUpdate(serializers.Serializer):
    name = serializers.CharField(max_length=80, required=False, help_text="New name.")
    description = serializers.CharField(
        max_length=2_000, required=False, allow_blank=True, help_text="New description."
    )


class MemberSerializer(serializers.Serializer):
    id = serializers.UUIDField(help_text="Id of the membership.")
    username = serializers.CharField(help_text="Account name of the member.")
    name = serializers.CharField(help_text="Full name of the member.")
    role = serializers.CharField(
        help_text="Role: a built-in one, or the short name of one of the project's own."
    )
    role_name = serializers.CharField(help_text="The role as people call it.")
    expires_at = serializers.DateTimeField(
        allow_null=True, help_text="When the membership ends by itself (UTC); null for never."
    )
    created_at = serializers.DateTimeField(help_text="Member since (UTC).")

    def to_representation(self, instance: Any) -> dict[str, Any]:
        return {
            "id": str(instance.pk),
            "username": instance.user.username,
            "name": instance.user.display_name,
            "role": instance.role_key,
            "role_name": instance.role_label,
            "expires_at": _at(instance.expires_at),
            "created_at": _at(instance.created_at),
        }


class MemberAdd(serializers.Serializer):
    username = serializers.CharField(max_length=60, help_text="Account name of the person.")
    role = serializers.CharField(
        max_length=40,
        help_text="Role to give: a built-in one, or the short name of one of the project's own.",
    )
    days = serializers.IntegerField(
        min_value=0,
        max_value=ACCESS_DAYS_MAX,
        required=False,
        help_text="After how many days it ends by itself; 0 for no end; left out: as it is.",
    )


class MemberChange(serializers.Serializer):
    role = serializers.CharField(max_length=40, help_text="New role.")
    days = serializers.IntegerField(
        min_value=0,
        max_value=ACCESS_DAYS_MAX,
        required=False,
        help_text="After how many days it ends by itself; 0 for no end; left out: as it is.",
    )


class AliasSerializer(serializers.Serializer):
    name = serializers.CharField(help_text="Name of the alias, such as champion.")
    version_id = serializers.UUIDField(help_text="Version that it points at.")
    version_number = serializers.IntegerField(help_text="Number of that version.")

    def to_representation(self, instance: Any) -> dict[str, Any]:
        return {
            "name": instance.name,
            "version_id": str(instance.version_id),
            "version_number": instance.version.number,
        }


class AliasSet(serializers.Serializer):
    name = serializers.SlugField(max_length=40, help_text="Name of the alias; one that exists moves.")
    version = serializers.UUIDField(help_text="Id of an accepted version of this model.")


class ModelSerializer(serializers.Serializer):
    id = serializers.UUIDField(help_text="Id of the model.")
    project = serializers.CharField(help_text="Short name of its project.")
    name = serializers.CharField(help_text="Name of the model.")
    slug = serializers.CharField(help_text="Short name of the model.")
    description = serializers.CharField(help_text="What the model is for.")
    task = serializers.ChoiceField(
        choices=Task.choices, allow_null=True, help_text="Task, once a version was accepted."
    )
    latest_number = serializers.IntegerField(allow_null=True, help_text="Number of the newest version.")
    latest_id = serializers.UUIDField(allow_null=True, help_text="Id of the newest version.")
    aliases = AliasSerializer(many=True, help_text="Names that point at versions.")
    created_at = serializers.DateTimeField(help_text="When it was registered (UTC).")

    def to_representation(self, instance: Any) -> dict[str, Any]:
        aliases = AliasSerializer()
        latest_id: UUID | None = getattr(instance, "latest_id", None)
        return {
            "id": str(instance.pk),
            "project": instance.project.slug,
            "name": instance.name,
            "slug": instance.slug,
            "description": instance.description,
            "task": instance.task or None,
            "latest_number": getattr(instance, "latest_number", None),
            "latest_id": str(latest_id) if latest_id else None,
            "aliases": [aliases.to_representation(alias) for alias in instance.aliases.all()],
            "created_at": _at(instance.created_at),
        }


class ModelCreate(serializers.Serializer):
    project = serializers.CharField(max_length=60, help_text="Short name or id of the project.")
    name = serializers.CharField(max_length=80, help_text="Name of the model.")
    description = serializers.CharField(
        max_length=4_000, required=False, allow_blank=True, help_text="What it is for."
    )


class ModelUpdate(serializers.Serializer):
    name = serializers.CharField(max_length=80, required=False, help_text="New name.")
    description = serializers.CharField(
        max_length=4_000, required=False, allow_blank=True, help_text="New description."
    )


class UploadSerializer(serializers.Serializer):
    id = serializers.UUIDField(help_text="Id of the upload.")
    project = serializers.CharField(help_text="Short name of its project.")
    file_name = serializers.CharField(help_text="Name of the file.")
    size_bytes = serializers.IntegerField(help_text="Announced size, bytes.")
    offset_bytes = serializers.IntegerField(help_text="Bytes that have arrived.")
    state = serializers.ChoiceField(
        choices=UploadState.choices, help_text="open, complete, consumed or abandoned."
    )
    sha256 = serializers.CharField(allow_null=True, help_text="SHA-256 once complete.")
    created_at = serializers.DateTimeField(help_text="When it was begun (UTC).")

    def to_representation(self, instance: Any) -> dict[str, Any]:
        return {
            "id": str(instance.pk),
            "project": instance.project.slug,
            "file_name": instance.file_name,
            "size_bytes": instance.size_bytes,
            "offset_bytes": instance.offset_bytes,
            "state": instance.state,
            "sha256": instance.blob.sha256 if instance.blob_id else None,
            "created_at": _at(instance.created_at),
        }


class ArtifactFileSerializer(serializers.Serializer):
    path = serializers.CharField(help_text="Path within the artifact.")
    size_bytes = serializers.IntegerField(help_text="Size of the file, bytes.")
    sha256 = serializers.CharField(help_text="SHA-256 of the file.")

    def to_representation(self, instance: Any) -> dict[str, Any]:
        return {"path": instance.path, "size_bytes": instance.blob.size_bytes, "sha256": instance.blob.sha256}


class ArtifactSummarySerializer(serializers.Serializer):
    id = serializers.UUIDField(help_text="Id of the artifact.")
    project = serializers.CharField(help_text="Short name of its project.")
    model = serializers.CharField(help_text="Name of the model.")
    version = serializers.UUIDField(help_text="Id of the version that it was made from.")
    version_number = serializers.IntegerField(help_text="Number of that version.")
    format = serializers.CharField(help_text="Key of the format, such as onnx.")
    precision = serializers.CharField(help_text="Such as fp32 or fp16.")
    proof = serializers.ChoiceField(
        choices=Proof.choices,
        help_text="How far it was proven: exported (it exists), loadable (it runs), verified (it agrees with its source).",
    )
    proof_reason = serializers.CharField(help_text="Why it was proven no further; empty when verified.")
    file_name = serializers.CharField(help_text="Name of the download; a folder comes as a zip file.")
    size_bytes = serializers.IntegerField(help_text="Size of all its files, bytes.")
    manifest_sha256 = serializers.CharField(
        help_text="SHA-256 over the paths, sizes and digests of its files."
    )
    created_by = serializers.CharField(allow_null=True, help_text="Account that asked for it.")
    created_at = serializers.DateTimeField(help_text="When it was made (UTC).")

    def to_representation(self, instance: Any) -> dict[str, Any]:
        return {
            "id": str(instance.pk),
            "project": instance.project.slug,
            "model": instance.version.model.name,
            "version": str(instance.version_id),
            "version_number": instance.version.number,
            "format": instance.format_key,
            "precision": instance.precision,
            "proof": instance.proof,
            "proof_reason": instance.proof_reason,
            "file_name": instance.file_name,
            "size_bytes": instance.size_bytes,
            "manifest_sha256": instance.manifest_sha256,
            "created_by": _name(instance.created_by),
            "created_at": _at(instance.created_at),
        }


class ArtifactSerializer(ArtifactSummarySerializer):
    options = serializers.DictField(help_text="Options of the export, defaults included.")
    comparison = serializers.DictField(
        help_text="What the comparison with the source found; empty when there was none."
    )
    latency_ms = serializers.DictField(
        help_text="Median latency of source and artifact, milliseconds; warm-up apart."
    )
    runtime = serializers.DictField(help_text="Runtime that opened it: name, version, device.")
    toolchain = serializers.DictField(
        help_text="Versions of the packages that made it; lock_sha256 names the resolved list where it had a toolchain of its own."
    )
    inputs = serializers.DictField(help_text="SHA-256 of what went in: source, calibration.")
    machine = serializers.DictField(help_text="Machine that made it.")
    durations_s = serializers.DictField(help_text="Seconds of each part of the work.")
    sandbox_tier = serializers.CharField(help_text="Confinement in which it was made: A or B.")
    source_sha256 = serializers.CharField(help_text="SHA-256 of the version's file.")
    job = serializers.UUIDField(allow_null=True, help_text="Id of the job that made it.")
    files = ArtifactFileSerializer(many=True, help_text="Its files, by path.")

    def to_representation(self, instance: Any) -> dict[str, Any]:
        files = instance.files.select_related("blob").order_by("path")
        return {
            **super().to_representation(instance),
            "options": instance.options,
            "comparison": instance.comparison,
            "latency_ms": instance.latency_ms,
            "runtime": instance.runtime,
            "toolchain": instance.toolchain,
            "inputs": instance.inputs,
            "machine": instance.machine,
            "durations_s": instance.durations_s,
            "sandbox_tier": instance.sandbox_tier,
            "source_sha256": instance.version.blob.sha256,
            "job": str(instance.job_id) if instance.job_id else None,
            "files": ArtifactFileSerializer(files, many=True).data,
        }
