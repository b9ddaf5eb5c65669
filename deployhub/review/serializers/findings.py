"""How findings, rules, reviews and digests look in the API."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from deployhub.review.models import Digest, Finding, FindingComment, Review
from deployhub.review.watch.vocab import MUTE_DAYS_MAX, Severity, Verdict


class FindingCommentSerializer(serializers.ModelSerializer):
    class Meta:
        model = FindingComment
        fields = ["id", "created_at", "author_id", "author_name", "text"]
        read_only_fields = fields


class FindingSerializer(serializers.ModelSerializer):
    owner = serializers.CharField(
        source="owner.username",
        default=None,
        read_only=True,
        allow_null=True,
        help_text="Account name; null for nobody.",
    )
    numbers = serializers.DictField(help_text="What was counted.")
    thresholds = serializers.DictField(help_text="The rule's thresholds at that time.")
    usual = serializers.DictField(
        help_text="What was usual for the person just before; empty where nothing is known."
    )
    event_ids = serializers.ListField(
        child=serializers.IntegerField(), help_text="Linked events of the audit log."
    )

    class Meta:
        model = Finding
        fields = [
            "id", "created_at", "rule", "severity", "state", "person_id", "person_name", "told", "numbers",
            "thresholds", "usual", "event_ids", "event_count", "first_at", "last_at", "owner", "closed_at",
            "closed_by_id", "closed_by_name", "closing_reason",
        ]  # fmt: skip
        read_only_fields = fields


class FindingWithCommentsSerializer(FindingSerializer):
    comments = FindingCommentSerializer(many=True, read_only=True)

    class Meta(FindingSerializer.Meta):
        fields = [*FindingSerializer.Meta.fields, "comments"]
        read_only_fields = fields


class FindingAssignSerializer(serializers.Serializer):
    owner = serializers.CharField(
        max_length=60,
        allow_blank=True,
        help_text="Account name of an administrator or auditor; empty for nobody.",
    )


class FindingCommentCreateSerializer(serializers.Serializer):
    text = serializers.CharField(max_length=2000)


class FindingLinkSerializer(serializers.Serializer):
    event_id = serializers.IntegerField(
        min_value=1, max_value=2**63 - 1, help_text="Number of an audit event."
    )
    note = serializers.CharField(max_length=500, required=False, default="", allow_blank=True)


class FindingCloseSerializer(serializers.Serializer):
    state = serializers.ChoiceField(choices=Verdict.choices)
    reason = serializers.CharField(max_length=500)


class FindingReopenSerializer(serializers.Serializer):
    reason = serializers.CharField(max_length=300)


class ThresholdSerializer(serializers.Serializer):
    name = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    help = serializers.CharField(allow_blank=True)
    unit = serializers.CharField(allow_blank=True)
    value = serializers.JSONField(help_text="In force now: a whole number, a switch or text.")
    default = serializers.JSONField()


class RuleSerializer(serializers.Serializer):
    key = serializers.CharField(source="rule.key")
    label = serializers.CharField(source="rule.label")  # type: ignore[assignment]
    severity = serializers.ChoiceField(source="rule.severity", choices=Severity.choices)
    looks_for = serializers.CharField(source="rule.looks_for")
    means = serializers.CharField(source="rule.means")
    advice = serializers.CharField(source="rule.advice")
    thresholds = ThresholdSerializer(many=True)
    muted_until = serializers.DateTimeField(allow_null=True, help_text="Null: not muted.")
    mute_reason = serializers.SerializerMethodField(help_text="Empty: not muted.")
    fired = serializers.IntegerField(help_text="Findings of the last 30 days.")
    open_findings = serializers.IntegerField()

    def get_mute_reason(self, face: Any) -> str:
        return str(face.setting.mute_reason) if face.muted_until is not None else ""


class RuleUpdateSerializer(serializers.Serializer):
    thresholds = serializers.DictField(
        child=serializers.JSONField(), help_text="Name → value. What is left out stays as it is."
    )
    reason = serializers.CharField(max_length=300)


class RuleMuteSerializer(serializers.Serializer):
    days = serializers.IntegerField(min_value=1, max_value=MUTE_DAYS_MAX)
    reason = serializers.CharField(max_length=300)


class ReviewSerializer(serializers.ModelSerializer):
    class Meta:
        model = Review
        fields = ["id", "created_at", "reviewer_id", "reviewer_name", "open_findings", "note"]
        read_only_fields = fields


class ReviewCreateSerializer(serializers.Serializer):
    note = serializers.CharField(max_length=500, required=False, default="", allow_blank=True)


class DigestSerializer(serializers.ModelSerializer):
    content = serializers.DictField(help_text="Counts and lists of the week.")

    class Meta:
        model = Digest
        fields = ["id", "created_at", "week_start", "content", "sent_at", "recipients", "problem"]
        read_only_fields = fields
