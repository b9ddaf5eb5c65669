"""Bodies of exports and saved searches."""

from __future__ import annotations

from rest_framework import serializers

from deployhub.review.models import AuditExport, SavedSearch
from deployhub.review.vocab import ExportForm


class QueryField(serializers.DictField):
    """Filters of the list of events, by name."""

    child = serializers.CharField(allow_blank=True)


class AuditExportSerializer(serializers.ModelSerializer):
    state = serializers.CharField(
        read_only=True, help_text="queued, running, failed or cancelled as its job; ready; expired."
    )
    query = QueryField(help_text="The filters; a time relative to now was fixed when it was asked for.")
    requested_by = serializers.CharField(
        source="requested_by.username",
        allow_null=True,
        help_text="Account that asked for it; null for DeployHub.",
    )

    class Meta:
        model = AuditExport
        fields = [
            "id", "kind", "form", "compressed", "query", "reason", "state", "requested_by", "job_id", "file_name",
            "event_count", "size_bytes", "sha256", "created_at", "expires_at",
        ]  # fmt: skip
        read_only_fields = fields


class AuditExportNewSerializer(serializers.Serializer):
    form = serializers.ChoiceField(choices=ExportForm.choices, help_text="jsonl, csv, cef or ocsf.")
    compressed = serializers.BooleanField(default=False, help_text="Compress the file with gzip.")
    query = QueryField(default=dict, help_text="Filters of the list of events; without any, the whole log.")
    reason = serializers.CharField(max_length=500, help_text="What it is for; it is kept in the log.")


class SavedSearchSerializer(serializers.ModelSerializer):
    query = QueryField(help_text="The filters, by name.")
    owner = serializers.CharField(source="owner.username", help_text="Whose it is.")

    class Meta:
        model = SavedSearch
        fields = ["id", "name", "query", "shared", "owner", "created_at"]
        read_only_fields = fields


class SavedSearchNewSerializer(serializers.Serializer):
    name = serializers.CharField(max_length=80, help_text="The same name again replaces the earlier search.")
    query = QueryField(help_text="Filters of the list of events, by name.")
    shared = serializers.BooleanField(default=False, help_text="Show it to everybody who may read the log.")
