"""How an audit event looks in the API."""

from __future__ import annotations

from rest_framework import serializers

from deployhub.audit.models import AuditEvent


class AuditEventSerializer(serializers.ModelSerializer):
    changes = serializers.DictField(help_text="Column → [before, after]; secrets are masked.")

    class Meta:
        model = AuditEvent
        fields = [
            "id", "at", "action", "operation", "outcome", "actor_kind", "actor_id", "actor_name", "door", "address",
            "user_agent", "auth_method", "acting_as", "session_id", "token_id", "request_id", "job_id", "project_id", "object_type", "object_id",
            "object_label", "changes", "reason", "schema_version",
        ]  # fmt: skip
        read_only_fields = fields


class FacetValueSerializer(serializers.Serializer):
    value = serializers.CharField(help_text="What to give to the filter.")
    label = serializers.CharField(  # type: ignore[assignment]
        help_text="The name of an account or a project; otherwise the value."
    )
    count = serializers.IntegerField(help_text="How many events have it.")


class FacetSerializer(serializers.Serializer):
    name = serializers.CharField(help_text="Name of the filter.")
    values = FacetValueSerializer(many=True, help_text="The most frequent values.")


class TimelineSerializer(serializers.Serializer):
    step = serializers.CharField(help_text="Length of a step: minute, hour, day or month.")
    at = serializers.ListField(child=serializers.DateTimeField(), help_text="When each step begins (UTC).")
    success = serializers.ListField(child=serializers.IntegerField(), help_text="Events that were done.")
    failed = serializers.ListField(child=serializers.IntegerField(), help_text="Events that failed.")
    denied = serializers.ListField(child=serializers.IntegerField(), help_text="Events that were refused.")
    covers_from = serializers.DateTimeField(
        allow_null=True,
        help_text="Set where there are more events than are counted: older ones are left out.",
    )


class SummarySerializer(serializers.Serializer):
    count = serializers.IntegerField(help_text="How many events fit; at most 10,000.")
    capped = serializers.BooleanField(
        help_text="Whether more than 10,000 fit; facets are then of the newest 10,000."
    )
    facets = FacetSerializer(many=True, help_text="How the events divide by each filter.")
    timeline = TimelineSerializer(
        help_text="Events over time, between `since` and `until`; without them, the last 14 days."
    )
