"""One thing of each kind that an address can name, in a project and of a person."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from deployhub.access.models import AccessRequest, CustomRole, Membership
from deployhub.accounts.models import (
    ApiToken,
    FederatedIdentity,
    GroupMapping,
    IdentityProvider,
    Invitation,
    MfaReset,
    Passkey,
    ServiceAccount,
    TotpDevice,
    User,
    UserSession,
)
from deployhub.audit.models import AuditLeaf
from deployhub.audit.scope import system_scope
from deployhub.audit.selectors.proofs import checkpoint_latest
from deployhub.audit.services.sealer import log_seal
from deployhub.conversion.models import Export
from deployhub.jobs.models import EngineCatalogue, Job
from deployhub.kernel.clock import utc_now
from deployhub.registry.models import (
    AliasRequest,
    Artifact,
    ArtifactFile,
    Certificate,
    CertificateImage,
    CertificateOverride,
    Dataset,
    DatasetVersion,
    ModelAlias,
    ModelVersion,
    RegisteredModel,
    Upload,
)
from deployhub.registry.storage import blob_store
from deployhub.registry.upload_files import upload_file_make
from deployhub.review.models import AuditExport, Digest, Finding, LegalHold, SavedSearch
from deployhub.review.services.reviews import digest_content

CATALOGUE = {
    "engine": {"ultralytics": "8.4.190"},
    "formats": [
        {
            "key": "onnx", "label": "ONNX", "description": "Runs nearly everywhere.", "suffix": ".onnx", "layout": "file",
            "runtimes": ["onnxruntime"], "sources": ["pt"], "tasks": ["detect"], "precisions": ["fp32"], "available": True,
            "unavailable_reason": "", "options": [], "conflicts": [],
        }
    ],
}  # fmt: skip
"""What a worker published: one format."""

SINGULAR = {
    "projects": "project",
    "models": "model",
    "versions": "version",
    "artifacts": "artifact",
    "datasets": "dataset",
    "dataset-versions": "dataset_version",
    "compare": "dataset_version",
    "exports": "export",
    "jobs": "job",
    "uploads": "upload",
    "tokens": "token",
    "issued-tokens": "token",
    "service-accounts": "service",
    "users": "user",
    "mfa-resets": "mfa_reset",
    "resets": "mfa_reset",
    "invitations": "invitation",
    "sessions": "session",
    "mfa": "device",
    "passkeys": "passkey",
    "identity-providers": "provider",
    "single-sign-on": "provider",
    "mappings": "mapping",
    "identities": "identity",
    "members": "membership",
    "memberships": "membership",
    "aliases": "alias",
    "audit-events": "event",
    "audit-proofs": "event",
    "audit-checkpoints": "checkpoint",
    "audit-exports": "audit_export",
    "audit-searches": "search",
    "audit-holds": "hold",
    "holds": "hold",
    "searches": "search",
    "docs": "document",
    "formats": "format",
    "toolchains": "toolchain",
    "files": "file",
    "findings": "finding",
    "rules": "rule",
    "digests": "digest",
    "roles": "custom_role",
    "access-requests": "access_request",
    "alias-requests": "alias_request",
    "certificates": "certificate",
    "with": "sign_on",
    "overrides": "override",
    "pictures": "picture",
    "thumbnails": "thumbnail",
}
KEYS = ("pk", "id", "slug", "name", "key", "path", "position")
"""Names of variable parts that say nothing; the segment before them does."""


class Things:
    """What belongs to `project` and `user`: `text("version", "uuid")` stands for one in an address."""

    def __init__(self, project: Any, user: Any) -> None:
        self.project, self.user = project, user
        with system_scope("things of the matrix"):
            self.made = self._make()

    def _make(self) -> dict[str, str]:
        of = {"project": self.project}
        blob = blob_store(io.BytesIO(f"bytes of {self.project.slug}".encode()))
        EngineCatalogue.objects.get_or_create(digest="c" * 64, defaults={"content": CATALOGUE})
        model = RegisteredModel.objects.create(name="Circles", slug="circles", **of)
        version = ModelVersion.objects.create(
            model=model, number=1, blob=blob, file_name="best.pt", source_kind="pt", state="accepted", task="detect",
            class_names=["circle"], **of,
        )  # fmt: skip
        alias = ModelAlias.objects.create(model=model, version=version, name="champion", **of)
        job = Job.objects.create(
            kind="export", title="Export circles", state="succeeded", requested_by=self.user, **of
        )
        artifact = Artifact.objects.create(
            version=version, key="k", format_key="onnx", format_label="ONNX", precision="fp32", file_name="circles.onnx",
            manifest_sha256="0" * 64, size_bytes=blob.size_bytes, job=job, **of,
        )  # fmt: skip
        ArtifactFile.objects.create(artifact=artifact, path="model.onnx", blob=blob, **of)
        certificate = Certificate.objects.create(
            artifact=artifact, number=1, outcome="failed", bundle="{}\n", key_id="k", public_key="p", **of
        )
        CertificateImage.objects.create(certificate=certificate, position=424242, blob=blob, **of)
        override = CertificateOverride.objects.create(
            artifact=artifact, certificate=certificate, reason="for the matrix", requested_by=self.user, **of
        )
        export = Export.objects.create(
            version=version, key="k", format_key="onnx", artifact=artifact, job=job, **of
        )
        dataset = Dataset.objects.create(name="Shapes", slug="shapes", purpose="evaluation", **of)
        dataset_version = DatasetVersion.objects.create(
            dataset=dataset, number=1, blob=blob, file_name="shapes.zip", image_count=1, label_count=1, state="accepted",
            manifest=blob_store(io.BytesIO(b'{"images": [], "class_names": []}')), pictures=blob,
            thumbnails=[
                {
                    "offset": 0, "size_bytes": 5, "image": "a.jpg", "split": "val", "width_px": 8, "height_px": 8,
                    "original_width_px": 8, "original_height_px": 8, "class_index": None, "findings": [], "shapes": [],
                }
            ],
            **of,
        )  # fmt: skip
        upload = Upload.objects.create(user=self.user, file_name="best.pt", size_bytes=10, **of)
        upload_file_make(upload.pk)
        token = ApiToken.objects.create(
            user=self.user,
            label="ci",
            digest=uuid4().hex,
            scopes=["read"],
            expires_at=utc_now() + timedelta(days=1),
        )
        machine = User.objects.create(
            username=f"machine-of-{self.project.slug}", kind="service", password="!"
        )
        Membership.objects.create(project=self.project, user=machine, role="viewer")
        service = ServiceAccount.objects.create(user=machine, purpose="exports", responsible=self.user, **of)
        device = TotpDevice(user=self.user, name="phone")
        device.seed = b"0" * 20
        device.save()
        passkey = Passkey.objects.create(
            user=self.user, name="laptop", site="localhost", credential_id=uuid4().hex, public_key="k"
        )
        provider, _ = IdentityProvider.objects.get_or_create(
            slug="house",
            defaults={
                "name": "House",
                "issuer": "http://127.0.0.1:1",
                "client_id": "hub",
                "is_enabled": False,
            },
        )
        mapping, _ = GroupMapping.objects.get_or_create(provider=provider, group="auditors", role="auditor")
        identity = FederatedIdentity.objects.create(
            provider=provider, subject=self.user.username, user=self.user
        )
        now = utc_now()
        finding = Finding.objects.create(
            rule="brute_force", severity="medium", subject=uuid4().hex, told="Sign-ins failed.", first_event_id=1,
            first_at=now, last_at=now, event_ids=[1],
        )  # fmt: skip
        digest, _ = Digest.objects.get_or_create(
            week_start=now.date(), defaults={"content": digest_content(now.date())}
        )
        log_export = AuditExport.objects.create(
            requested_by=self.user, form="jsonl", reason="matrix", last_event_id=0, blob=blob, sha256=blob.sha256,
            file_name="audit.jsonl", size_bytes=blob.size_bytes, event_count=1,
        )  # fmt: skip
        hold = LegalHold.objects.create(reason="matrix", object_type="nothing")
        search = SavedSearch.objects.create(
            owner=self.user, name="Refusals", query={"outcome": "denied"}, shared=True
        )
        reset = MfaReset.objects.create(user=self.user, reason="lost")
        invitation = Invitation.objects.create(
            role="viewer", digest=uuid4().hex, expires_at=now + timedelta(days=7), **of
        )
        session = UserSession.objects.create(user=self.user, key_digest=uuid4().hex, proof_digest="0" * 64)
        membership = Membership.objects.filter(project=self.project, user__kind="person").first()
        log_seal()
        custom_role = CustomRole.objects.create(
            name="Reader", slug="reader", permissions=["project.view", "model.view"], **of
        )
        access_request = AccessRequest.objects.create(
            user=self.user, slug=self.project.slug, role="viewer", reason="to look", duration_days=7, **of
        )
        alias_request = AliasRequest.objects.create(
            model=model, version=version, name="champion", requested_by=self.user, **of
        )
        return {
            "custom_role": str(custom_role.pk),
            "access_request": str(access_request.pk),
            "alias_request": str(alias_request.pk),
            "project": self.project.slug,
            "model": str(model.pk),
            "version": str(version.pk),
            "alias": alias.name,
            "artifact": str(artifact.pk),
            "certificate": str(certificate.pk),
            "override": str(override.pk),
            "picture": "424242",
            "thumbnail": "0",
            "export": str(export.pk),
            "dataset": str(dataset.pk),
            "dataset_version": str(dataset_version.pk),
            "job": str(job.pk),
            "upload": str(upload.pk),
            "token": str(token.pk),
            "service": str(service.pk),
            "device": str(device.pk),
            "passkey": str(passkey.pk),
            "session": str(session.pk),
            "mfa_reset": str(reset.pk),
            "invitation": str(invitation.pk),
            "provider": str(provider.pk),
            "mapping": str(mapping.pk),
            "identity": str(identity.pk),
            "membership": str(membership.pk) if membership else str(uuid4()),
            "user": str(self.user.pk),
            "event": str(AuditLeaf.objects.latest("position").event_id),
            "checkpoint": str(checkpoint_latest().sequence),
            "audit_export": str(log_export.pk),
            "search": str(search.pk),
            "hold": str(hold.pk),
            "document": "architecture",
            "format": "onnx",
            "toolchain": "ncnn-8.4.190",
            "file": "model.onnx",
            "finding": str(finding.pk),
            "rule": "brute_force",
            "digest": str(digest.pk),
            "sign_on": provider.slug,
        }

    def text(self, kind: str, converter: str) -> str:
        """What stands in an address for the thing; projects go by their slug on pages, and by their id elsewhere."""
        if kind == "project" and converter == "uuid":
            return str(self.project.pk)
        return self.made[kind]


def thing_of(name: str, before: str) -> str:
    """The kind of thing that a variable part names: `version_id`, or `pk` behind `versions/`."""
    word = name.removesuffix("_id").removesuffix("_slug")
    if word in KEYS or word not in SINGULAR.values():
        word = SINGULAR.get(before, f"unknown: {before}/<{name}>")
    return word


def nothing_like(converter: str, sample: str) -> str:
    """An address part of the same form, which names nothing."""
    make: dict[str, Callable[[], str]] = {
        "uuid": lambda: str(UUID(int=UUID(sample).int ^ (1 << 20))),
        "int": lambda: "9007199254740991",
    }
    return make.get(converter, lambda: "x" * len(sample))()
