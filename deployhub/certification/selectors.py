"""Reads of certificates, overrides and budgets, scoped to the actor."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from deployhub.access import policy
from deployhub.audit.scope import event_record
from deployhub.certification.budgets import PRECISIONS, budget_fields
from deployhub.kernel.actor import Actor
from deployhub.registry.models import (
    Certificate,
    CertificateBudget,
    CertificateImage,
    CertificateOverride,
    DatasetVersion,
    ModelVersion,
    Project,
)
from deployhub.registry.vocab import DatasetPurpose, DatasetState


def certificates_visible(actor: Actor) -> QuerySet[Certificate]:
    rows = Certificate.objects.select_related(
        "project", "artifact__version__model", "dataset_version__dataset", "dataset", "created_by"
    )
    return policy.visible(actor, "certificate.view", rows)


def certificates_listed(actor: Actor) -> QuerySet[Certificate]:
    """Without the heavy columns, which no list shows."""
    return certificates_visible(actor).defer("viewed", "bundle", "graph", "toolchain", "machine", "budget")


def certificate_get(actor: Actor, certificate_id: UUID) -> Certificate:
    return policy.one(certificates_visible(actor), pk=certificate_id)


def certificate_read(actor: Actor, certificate_id: UUID) -> Certificate:
    """Like certificate_get, written to the audit log."""
    certificate = certificate_get(actor, certificate_id)
    event_record(actor, "certificate.view", certificate)
    return certificate


def certificate_picture(actor: Actor, certificate_id: UUID, position: int) -> CertificateImage:
    """One picture of a certificate that the actor may see."""
    certificate = certificate_get(actor, certificate_id)
    pictures = CertificateImage.objects.select_related("blob", "certificate")
    return policy.one(pictures, certificate=certificate, position=position)


def datasets_fitting(version: ModelVersion) -> list[DatasetVersion]:
    """Accepted versions of the project's evaluation sets with the model's very classes, newest first."""
    rows = DatasetVersion.objects.filter(
        project_id=version.project_id,
        dataset__purpose=DatasetPurpose.EVALUATION,
        state=DatasetState.ACCEPTED,
    ).select_related("blob", "project", "dataset")
    return [row for row in rows if _classes_fit(row.class_names, version.class_names)]


def _classes_fit(of_dataset: Any, of_version: Any) -> bool:
    """The same names in the same order; a side that does not tell its names is believed."""
    return not of_dataset or not of_version or list(of_dataset) == list(of_version)


def overrides_visible(actor: Actor) -> QuerySet[CertificateOverride]:
    rows = CertificateOverride.objects.select_related(
        "project",
        "artifact__version__model",
        "artifact__project",
        "certificate",
        "requested_by",
        "decided_by",
    )
    return policy.visible(actor, "certificate.view", rows)


def override_get(actor: Actor, override_id: UUID) -> CertificateOverride:
    return policy.one(overrides_visible(actor), pk=override_id)


def override_read(actor: Actor, override_id: UUID) -> CertificateOverride:
    """Like override_get, written to the audit log."""
    override = override_get(actor, override_id)
    event_record(actor, "certificate.view", override)
    return override


def budgets_of(project: Project) -> list[dict[str, Any]]:
    """Every precision with its limits: what holds, the default, and whether the project set it."""
    own = {row.precision: row.values for row in CertificateBudget.objects.filter(project=project)}
    return [
        {
            "precision": precision,
            "limits": [
                {
                    "name": field["name"],
                    "label": field["label"],
                    "unit": field["unit"],
                    "help": field["help"],
                    "direction": field["direction"],
                    "minimum": field["minimum"],
                    "maximum": field["maximum"],
                    "default": field["default"].get(precision),
                    "value": own.get(precision, {}).get(field["name"], field["default"].get(precision)),
                    "is_own": field["name"] in own.get(precision, {}),
                }
                for field in budget_fields()
            ],
        }
        for precision in PRECISIONS
    ]


def certificate_keys(actor: Actor) -> list[dict[str, str]]:
    """Id and public half of every key that signed a certificate which the actor may see."""
    rows = certificates_visible(actor).order_by("key_id").values("key_id", "public_key").distinct()
    return [{"key_id": row["key_id"], "public_key": row["public_key"]} for row in rows]
