"""Bodies of retention, holds and erasure."""

from __future__ import annotations

from rest_framework import serializers

from deployhub.review.models import LegalHold
from deployhub.review.vocab import RETENTION_DAYS


class RetentionClassSerializer(serializers.Serializer):
    group = serializers.CharField(help_text="The group of actions.")
    label = serializers.CharField(help_text="The group in words.")  # type: ignore[assignment]
    keep_days = serializers.IntegerField(
        allow_null=True, help_text="Days that its events are kept; null for ever."
    )
    default_days = serializers.IntegerField(
        allow_null=True, help_text="The time unless somebody decides otherwise."
    )
    fixed = serializers.BooleanField(help_text="Whether the time can not be changed.")
    due_count = serializers.IntegerField(
        help_text="Events that would be removed now; at most 100,000 are counted."
    )


class RetentionUpdateSerializer(serializers.Serializer):
    group = serializers.ChoiceField(choices=sorted(RETENTION_DAYS), help_text="The group of actions.")
    keep_days = serializers.IntegerField(
        allow_null=True, min_value=1, max_value=100_000, help_text="Days; null for ever."
    )
    reason = serializers.CharField(max_length=500, help_text="Why; it is kept in the log.")


class LegalHoldSerializer(serializers.ModelSerializer):
    placed_by = serializers.CharField(
        source="placed_by.username", allow_null=True, help_text="Who placed it."
    )
    released_by = serializers.CharField(
        source="released_by.username", allow_null=True, help_text="Who released it; null while it holds."
    )

    class Meta:
        model = LegalHold
        fields = [
            "id", "reason", "person_id", "project_id", "object_type", "object_id", "since", "until", "created_at",
            "placed_by", "released_at", "released_by", "release_reason",
        ]  # fmt: skip
        read_only_fields = fields


class LegalHoldNewSerializer(serializers.Serializer):
    reason = serializers.CharField(max_length=500, help_text="The case it is for.")
    person_id = serializers.UUIDField(
        required=False, help_text="Account id: what they did and what is about them."
    )
    project_id = serializers.UUIDField(required=False, help_text="Events of this project.")
    object_type = serializers.CharField(
        required=False, max_length=40, help_text="Events about this kind of object."
    )
    object_id = serializers.CharField(required=False, max_length=64, help_text="Events about this object.")
    since = serializers.DateTimeField(required=False, help_text="Events from this time on.")
    until = serializers.DateTimeField(required=False, help_text="Events before this time.")


class ReasonSerializer(serializers.Serializer):
    reason = serializers.CharField(max_length=500, help_text="Why; it is kept in the log.")


class ErasureSerializer(serializers.Serializer):
    user_id = serializers.UUIDField(help_text="The account.")
    reason = serializers.CharField(
        max_length=500,
        help_text="Who asked for it, and when, without the person's name: it stays in the log.",
    )
