"""Bodies of the certification API, field by field."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from deployhub.access.vocab import RequestState
from deployhub.certification.budgets import PRECISIONS
from deployhub.registry.models import Certificate, CertificateOverride
from deployhub.registry.vocab import CertificateOutcome


def _at(moment: Any) -> str | None:
    return moment.isoformat().replace("+00:00", "Z") if moment is not None else None


class CertificateLineSerializer(serializers.Serializer):
    check = serializers.CharField(help_text="tensors, detections, task_metric, file or speed.")
    name = serializers.CharField(help_text="What was measured.")
    value = serializers.FloatField(allow_null=True, help_text="The value; null where it is no number.")
    unit = serializers.CharField(allow_blank=True, help_text="Its unit.")
    limit = serializers.FloatField(allow_null=True, help_text="The limit; null where the line only tells.")
    direction = serializers.ChoiceField(
        choices=["at most", "at least", ""], help_text="On which side of the limit the value has to lie."
    )
    holds = serializers.BooleanField(
        allow_null=True, help_text="Whether it holds; null where it is not judged."
    )
    detail = serializers.CharField(allow_blank=True, help_text="More about it.")


class CertificateSummarySerializer(serializers.Serializer):
    """A certificate as a list shows it."""

    id = serializers.UUIDField(help_text="Id of the certificate.")
    project = serializers.CharField(help_text="Short name of its project.")
    artifact = serializers.UUIDField(help_text="Id of the artifact.")
    version = serializers.UUIDField(help_text="Id of the source version.")
    number = serializers.IntegerField(
        help_text="Number within the artifact, from 1; the highest one decides."
    )
    outcome = serializers.ChoiceField(
        choices=CertificateOutcome.choices,
        help_text="passed, failed, or unverified: it could not be judged here.",
    )
    reason = serializers.CharField(allow_blank=True, help_text="Why, as a sentence.")
    dataset = serializers.UUIDField(allow_null=True, help_text="Id of the evaluation set; null without one.")
    dataset_version = serializers.UUIDField(
        allow_null=True, help_text="Id of the version of the set that it was measured on."
    )
    images = serializers.IntegerField(help_text="How many images both sides ran.")
    created_by = serializers.CharField(allow_null=True, help_text="Account that asked for it.")
    created_at = serializers.DateTimeField(help_text="When it was signed (UTC).")

    def to_representation(self, instance: Certificate) -> dict[str, Any]:
        return {
            "id": str(instance.pk),
            "project": instance.project.slug,
            "artifact": str(instance.artifact_id),
            "version": str(instance.artifact.version_id),
            "number": instance.number,
            "outcome": instance.outcome,
            "reason": instance.reason,
            "dataset": str(instance.dataset_id) if instance.dataset_id else None,
            "dataset_version": str(instance.dataset_version_id) if instance.dataset_version_id else None,
            "images": instance.images,
            "created_by": instance.created_by.username if instance.created_by else None,
            "created_at": _at(instance.created_at),
        }


class CertificateSerializer(CertificateSummarySerializer):
    """A certificate with all that was measured."""

    lines = CertificateLineSerializer(many=True, help_text="What was measured, line by line.")
    metrics = serializers.DictField(
        help_text="Task metrics by name: source, artifact, difference, and its 95 % interval (low, high)."
    )
    budget = serializers.DictField(help_text="The limits that it was judged by.")
    inputs_sha256 = serializers.CharField(
        allow_blank=True, help_text="Digest of the input bytes that both sides were given."
    )
    weights_sha256 = serializers.CharField(allow_blank=True, help_text="Digest of the source's weights.")
    dataset_sha256 = serializers.CharField(allow_blank=True, help_text="Digest of the evaluation set.")
    graph = serializers.DictField(help_text="Facts of the artifact's graph.")
    runtime = serializers.DictField(help_text="The runtime that ran the artifact.")
    latency_ms = serializers.DictField(help_text="Latency of both sides, milliseconds.")
    toolchain = serializers.DictField(help_text="Versions of the packages that took part.")
    machine = serializers.DictField(help_text="The machine that measured.")
    key_id = serializers.CharField(help_text="Id of the key that signed it.")
    public_key = serializers.CharField(help_text="Its public half, Ed25519, hexadecimal.")

    def to_representation(self, instance: Certificate) -> dict[str, Any]:
        return {
            **super().to_representation(instance),
            **{
                name: getattr(instance, name)
                for name in (
                    "lines", "metrics", "budget", "inputs_sha256", "weights_sha256", "dataset_sha256", "graph",
                    "runtime", "latency_ms", "toolchain", "machine", "key_id", "public_key",
                )
            },
        }  # fmt: skip


class CertificateCreate(serializers.Serializer):
    artifact = serializers.UUIDField(help_text="Id of the artifact.")
    dataset = serializers.UUIDField(
        required=False,
        allow_null=True,
        help_text="Id of an accepted version of an evaluation set, or of the set for its newest; without it the newest of the project that fits is taken.",
    )
    without_dataset = serializers.BooleanField(
        required=False, default=False, help_text="Compare outputs on drawn images only."
    )


class CertificationQueued(serializers.Serializer):
    job = serializers.UUIDField(help_text="Id of the job; its address is in the Location header.")
    joined = serializers.BooleanField(help_text="Whether the same was under way already.")


class OverrideSerializer(serializers.Serializer):
    """Leave to go on without a passed certificate."""

    id = serializers.UUIDField(help_text="Id of the override.")
    project = serializers.CharField(help_text="Short name of its project.")
    artifact = serializers.UUIDField(help_text="Id of the artifact.")
    certificate = serializers.UUIDField(
        allow_null=True, help_text="The certificate that stood when it was asked for; null for none."
    )
    reason = serializers.CharField(help_text="Why it was asked for.")
    state = serializers.ChoiceField(choices=RequestState.choices, help_text="Whether it waits.")
    requested_by = serializers.CharField(help_text="Account that asked.")
    decided_by = serializers.CharField(allow_null=True, help_text="Account that decided.")
    decided_at = serializers.DateTimeField(allow_null=True, help_text="When it was decided (UTC).")
    decision_reason = serializers.CharField(allow_blank=True, help_text="Why it was decided so.")
    created_at = serializers.DateTimeField(help_text="When it was asked for (UTC).")

    def to_representation(self, instance: CertificateOverride) -> dict[str, Any]:
        return {
            "id": str(instance.pk),
            "project": instance.project.slug,
            "artifact": str(instance.artifact_id),
            "certificate": str(instance.certificate_id) if instance.certificate_id else None,
            "reason": instance.reason,
            "state": instance.state,
            "requested_by": instance.requested_by.username,
            "decided_by": instance.decided_by.username if instance.decided_by else None,
            "decided_at": _at(instance.decided_at),
            "decision_reason": instance.decision_reason,
            "created_at": _at(instance.created_at),
        }


class OverrideCreate(serializers.Serializer):
    artifact = serializers.UUIDField(help_text="Id of the artifact.")
    reason = serializers.CharField(max_length=500, help_text="Why; auditors read it.")


class OverrideReason(serializers.Serializer):
    reason = serializers.CharField(max_length=500, help_text="Why; auditors read it.")


class BudgetLimitSerializer(serializers.Serializer):
    name = serializers.CharField(help_text="Name of the limit.")
    label = serializers.CharField(help_text="Name as people see it.")  # type: ignore[assignment]
    unit = serializers.CharField(allow_blank=True, help_text="Its unit.")
    help = serializers.CharField(help_text="What it limits.")
    direction = serializers.CharField(help_text="at most or at least.")
    minimum = serializers.FloatField(help_text="Smallest number that can be set.")
    maximum = serializers.FloatField(help_text="Largest number that can be set.")
    default = serializers.FloatField(allow_null=True, help_text="The limit when nothing is set.")
    value = serializers.FloatField(allow_null=True, help_text="The limit that holds.")
    is_own = serializers.BooleanField(help_text="Whether the project set it.")


class BudgetSerializer(serializers.Serializer):
    precision = serializers.ChoiceField(choices=PRECISIONS, help_text="Of which artifacts.")
    limits = BudgetLimitSerializer(many=True, help_text="What they may lose.")


class BudgetSet(serializers.Serializer):
    precision = serializers.ChoiceField(choices=PRECISIONS, help_text="Of which artifacts.")
    values = serializers.DictField(
        child=serializers.FloatField(), help_text="Limits by name; what is left out takes its default."
    )


class CertificateKeySerializer(serializers.Serializer):
    """A key that signed certificates."""

    key_id = serializers.CharField(help_text="First 16 hexadecimal digits of its SHA-256.")
    public_key = serializers.CharField(help_text="Ed25519 public key, hexadecimal.")
