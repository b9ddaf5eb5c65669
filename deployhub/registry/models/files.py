"""Bytes: what is stored, by its content, and what is on its way in."""

from __future__ import annotations

from uuid import UUID

from django.db import models

from deployhub.audit.audited import AuditedModel
from deployhub.registry.models.projects import OfProject
from deployhub.registry.vocab import UploadState


class Blob(AuditedModel):
    """A file by its content: `sha256` names it in the blob store, and the same bytes are stored once."""

    sha256 = models.CharField(max_length=64, unique=True)
    size_bytes = models.PositiveBigIntegerField()

    class Meta(AuditedModel.Meta):
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.sha256[:12]


class Upload(OfProject):
    """A file on its way in; resumable (tus 1.0). Becomes a Blob when its last byte has arrived."""

    UNAUDITED_FIELDS = ("offset_bytes", "touched_at")

    user = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="uploads")
    file_name = models.CharField(max_length=255)
    size_bytes = models.PositiveBigIntegerField()
    offset_bytes = models.PositiveBigIntegerField(default=0)
    state = models.CharField(max_length=10, choices=UploadState.choices, default=UploadState.OPEN)
    blob = models.ForeignKey(Blob, on_delete=models.PROTECT, null=True, related_name="uploads")
    touched_at = models.DateTimeField(auto_now_add=True)

    class Meta(OfProject.Meta):
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.file_name

    @property
    def policy_owner_id(self) -> UUID:
        return self.user_id
