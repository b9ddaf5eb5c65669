"""An export of the log: what was asked for, and the file that came of it."""

from __future__ import annotations

from django.db import models

from deployhub.audit.audited import AuditedModel
from deployhub.jobs.vocab import JobState
from deployhub.kernel.clock import utc_now
from deployhub.review.vocab import ExportForm, ExportKind


class AuditExport(AuditedModel):
    """Events that left the log as a file. Its job writes the file; when it expires the bytes go and the row stays."""

    kind = models.CharField(max_length=10, choices=ExportKind.choices, default=ExportKind.EXPORT)
    requested_by = models.ForeignKey(
        "accounts.User", on_delete=models.PROTECT, null=True, related_name="audit_exports"
    )
    job = models.ForeignKey("jobs.Job", on_delete=models.SET_NULL, null=True, related_name="+")
    form = models.CharField(max_length=10, choices=ExportForm.choices)
    compressed = models.BooleanField(default=False)
    query = models.JSONField(default=dict)
    reason = models.CharField(max_length=500)
    last_event_id = models.BigIntegerField()
    """Events up to this one: what was there when the export was asked for."""
    file_name = models.CharField(max_length=120, blank=True)
    event_count = models.BigIntegerField(null=True)
    size_bytes = models.BigIntegerField(null=True)
    sha256 = models.CharField(max_length=64, blank=True)
    blob = models.ForeignKey("registry.Blob", on_delete=models.PROTECT, null=True, related_name="+")
    expires_at = models.DateTimeField(null=True)

    class Meta(AuditedModel.Meta):
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} of the audit log, {self.created_at:%Y-%m-%d %H:%M}"

    def audit_type(self) -> str:
        return "audit_export"

    @property
    def is_ready(self) -> bool:
        return self.blob_id is not None and (self.expires_at is None or self.expires_at > utc_now())

    @property
    def state(self) -> str:
        """queued, running, failed or cancelled as its job; then ready, and expired in the end."""
        if self.is_ready:
            return "ready"
        if self.sha256:
            return "expired"
        return self.job.state if self.job is not None else JobState.CANCELLED.value
