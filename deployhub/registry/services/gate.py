"""The gate: nothing goes towards production without a certificate that passed, or two people who answer for it."""

from __future__ import annotations

from dataclasses import dataclass

from deployhub.access.vocab import RequestState
from deployhub.kernel.errors import Conflict
from deployhub.registry.models import Artifact, Certificate, CertificateOverride, ModelVersion
from deployhub.registry.vocab import CertificateOutcome


@dataclass(frozen=True, slots=True)
class Clearance:
    """Whether an artifact may go on, and why; `sentence` is for a person."""

    certificate: Certificate | None
    override: CertificateOverride | None
    sentence: str

    @property
    def is_cleared(self) -> bool:
        return self.is_certified or self.override is not None

    @property
    def is_certified(self) -> bool:
        return self.certificate is not None and self.certificate.outcome == CertificateOutcome.PASSED


def clearance_of(artifact: Artifact) -> Clearance:
    """The latest certificate decides: one that passed long ago says nothing once a later one failed."""
    certificate = Certificate.objects.filter(artifact=artifact).order_by("-number").first()
    if certificate is not None and certificate.outcome == CertificateOutcome.PASSED:
        return Clearance(certificate, None, "Its certificate passed.")
    override = (
        CertificateOverride.objects.filter(
            artifact=artifact, certificate=certificate, state=RequestState.APPROVED
        )
        .select_related("requested_by", "decided_by")
        .order_by("-id")
        .first()
    )
    if certificate is None:
        sentence = "It has no certificate."
    elif certificate.outcome == CertificateOutcome.FAILED:
        sentence = "Its certificate failed."
    else:
        sentence = "Its certificate could not be judged here."
    return Clearance(certificate, override, sentence)


def require_cleared(artifact: Artifact) -> Clearance:
    """Raise Conflict `not_certified` unless the artifact may go on."""
    clearance = clearance_of(artifact)
    if not clearance.is_cleared:
        raise Conflict(
            f"{artifact} can't go on: {clearance.sentence[:1].lower()}{clearance.sentence[1:]}",
            hint="Have it certified, or ask another person for an override with a reason.",
            code="not_certified",
        )
    return clearance


def require_version_cleared(version: ModelVersion) -> None:
    """Raise Conflict `not_certified` unless one artifact of the version, at least, may go on."""
    artifacts = Artifact.objects.filter(version=version).select_related("version__model")
    if not any(clearance_of(artifact).is_cleared for artifact in artifacts):
        raise Conflict(
            f"{version} can't go into production: none of its artifacts has a certificate that passed.",
            hint="Export it, and have the artifact certified; or ask another person for an override.",
            code="not_certified",
        )
