"""Toolchain: an environment that a worker's machine made, or tried to make."""

from __future__ import annotations

from django.db import models

from deployhub.audit.audited import AuditedModel
from deployhub.toolchains.vocab import ToolchainState


class Toolchain(AuditedModel):
    """One declared toolchain on one machine; what its file declares is not repeated here."""

    name = models.CharField(max_length=80)
    key = models.CharField(max_length=40)
    release = models.CharField(max_length=40)
    host = models.CharField(max_length=120)
    state = models.CharField(max_length=10, choices=ToolchainState.choices)
    reason = models.TextField(blank=True)
    lock_sha256 = models.CharField(max_length=64, blank=True)
    lock_text = models.TextField(blank=True)
    """Kept after the environment is gone: an artifact of a year ago is made again with exactly this."""
    versions = models.JSONField(default=dict)
    python_version = models.CharField(max_length=20, blank=True)
    size_bytes = models.BigIntegerField(null=True)
    smoke = models.JSONField(default=dict)
    built_at = models.DateTimeField(null=True)
    job = models.ForeignKey("jobs.Job", on_delete=models.SET_NULL, related_name="+", null=True)

    class Meta(AuditedModel.Meta):
        ordering = ["name", "host", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["name", "host", "lock_sha256"], name="toolchain_once_per_host")
        ]

    def __str__(self) -> str:
        return f"{self.name} on {self.host}"

    @property
    def shown_state(self) -> str:
        """A build whose job ended without a word is no build any more."""
        if self.state == ToolchainState.BUILDING and (self.job is None or not self.job.is_live):
            return ToolchainState.FAILED
        return self.state

    @property
    def shown_reason(self) -> str:
        if self.shown_state == ToolchainState.FAILED and not self.reason:
            return "Its job ended before it was made."
        return self.reason
