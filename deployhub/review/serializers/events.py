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
            "user_agent", "session_id", "token_id", "request_id", "job_id", "project_id", "object_type", "object_id",
            "object_label", "changes", "reason", "schema_version",
        ]  # fmt: skip
        read_only_fields = fields
