"""Bodies of the conversion API, field by field."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from deployhub.conversion.models import Export


class ExportCreate(serializers.Serializer):
    version = serializers.UUIDField(help_text="Id of an accepted version.")
    format = serializers.CharField(max_length=40, help_text="Key of the format, as /formats/ lists it.")
    options = serializers.DictField(
        required=False, default=dict, help_text="Options by name; what is left out takes its default."
    )
    calibration = serializers.UUIDField(
        required=False,
        allow_null=True,
        default=None,
        help_text="Id of an accepted dataset version of the project, or of a dataset for its newest: images for the quantiser, where the format takes them.",
    )


class ExportSerializer(serializers.Serializer):
    """A request for an artifact; several requests for the same work share one job and one artifact."""

    id = serializers.UUIDField(help_text="Id of the request.")
    project = serializers.CharField(help_text="Short name of its project.")
    version = serializers.UUIDField(help_text="Id of the version.")
    format = serializers.CharField(help_text="Key of the format.")
    options = serializers.DictField(help_text="Options, defaults included.")
    key = serializers.CharField(help_text="Digest of the work: source, format, options and toolchain.")
    artifact = serializers.UUIDField(allow_null=True, help_text="Id of the artifact; null until it is made.")
    job = serializers.UUIDField(allow_null=True, help_text="Id of the job that makes or made it.")
    created_by = serializers.CharField(allow_null=True, help_text="Account that asked.")
    created_at = serializers.DateTimeField(help_text="When it was asked for (UTC).")

    def to_representation(self, instance: Export) -> dict[str, Any]:
        return {
            "id": str(instance.pk),
            "project": instance.project.slug,
            "version": str(instance.version_id),
            "format": instance.format_key,
            "options": instance.options,
            "key": instance.key,
            "artifact": str(instance.artifact_id) if instance.artifact_id else None,
            "job": str(instance.job_id) if instance.job_id else None,
            "created_by": instance.created_by.username if instance.created_by else None,
            "created_at": instance.created_at.isoformat().replace("+00:00", "Z"),
        }


class ReplayCreate(serializers.Serializer):
    artifact = serializers.UUIDField(help_text="Id of the artifact to make again.")


class ExportAnswerSerializer(ExportSerializer):
    """The answer to a request for an export."""

    joined = serializers.BooleanField(
        help_text="Whether the same work was already under way, so that its job serves both."
    )

    def to_representation(self, instance: Export) -> dict[str, Any]:
        return {**super().to_representation(instance), "joined": bool(self.context.get("joined"))}


class FormatOptionSerializer(serializers.Serializer):
    name = serializers.CharField(help_text="Name of the option.")
    type = serializers.ChoiceField(choices=["integer", "boolean", "choice"], help_text="Type of its value.")
    label = serializers.CharField(help_text="Name as people see it.")  # type: ignore[assignment]
    help = serializers.CharField(help_text="What it does.")
    unit = serializers.CharField(allow_blank=True, help_text="Unit of a number, such as px.")
    default = serializers.JSONField(help_text="Value when nothing is given.")
    minimum = serializers.IntegerField(allow_null=True, help_text="Smallest number.")
    maximum = serializers.IntegerField(allow_null=True, help_text="Largest number.")
    multiple_of = serializers.IntegerField(allow_null=True, help_text="The number is a multiple of this.")
    choices = serializers.JSONField(help_text="Values of a choice; null for others.")
    required = serializers.BooleanField(help_text="Whether a value must be given.")  # type: ignore[assignment]


class FormatConflictSerializer(serializers.Serializer):
    when = serializers.DictField(help_text="Options, or facts of the source, that can't go together.")
    message = serializers.CharField(help_text="Why, and what to do.")


class FormatSerializer(serializers.Serializer):
    key = serializers.CharField(help_text="Key of the format.")
    label = serializers.CharField(help_text="Name as people see it.")  # type: ignore[assignment]
    description = serializers.CharField(help_text="What it is good for.")
    suffix = serializers.CharField(help_text="How the file's or folder's name ends.")
    layout = serializers.ChoiceField(
        choices=["file", "folder"], help_text="Whether it is one file or a folder."
    )
    runtimes = serializers.ListField(child=serializers.CharField(), help_text="Runtimes that prove it.")
    sources = serializers.ListField(child=serializers.CharField(), help_text="Kinds of source: pt, onnx.")
    tasks = serializers.ListField(child=serializers.CharField(), help_text="Tasks that it takes.")
    precisions = serializers.ListField(child=serializers.CharField(), help_text="Precisions that it offers.")
    toolchain = serializers.CharField(required=False, help_text="Key of the toolchain that makes it.")
    hardware = serializers.CharField(required=False, help_text="What it runs on.")
    licence = serializers.CharField(required=False, help_text="Licences of what makes it.")
    calibration = serializers.ChoiceField(
        choices=["", "optional", "needed"], required=False, help_text="Whether it takes calibration images."
    )
    available = serializers.BooleanField(help_text="Whether a worker can make it here.")
    unavailable_reason = serializers.CharField(allow_blank=True, help_text="Why not, as a sentence.")
    options = FormatOptionSerializer(many=True, help_text="Its options.")
    conflicts = FormatConflictSerializer(many=True, help_text="Options that can't go together.")


class CatalogueSerializer(serializers.Serializer):
    engine = serializers.DictField(
        child=serializers.CharField(), help_text="Versions of the engine's packages."
    )
    formats = FormatSerializer(many=True, help_text="All formats; empty before the first worker has started.")
