"""Project, RegisteredModel, ModelVersion, Artifact, Dataset, Upload and Blob.

Every row carries its project: the policy decides by it, and a list is one indexed scan.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.core.validators import RegexValidator
from django.db import models

from deployhub.access.vocab import RequestState
from deployhub.audit.audited import AuditedModel
from deployhub.registry.vocab import DatasetPurpose, Proof, SourceKind, Task, UploadState, VersionState

SLUG = RegexValidator(
    r"^[a-z0-9][a-z0-9-]{0,58}[a-z0-9]$|^[a-z0-9]$",
    "Use lower-case letters, digits and hyphens; start and end with a letter or digit.",
)


class Project(AuditedModel):
    name = models.CharField(max_length=80)
    slug = models.CharField(
        max_length=60,
        unique=True,
        validators=[SLUG],
        error_messages={"unique": "A project with this short name exists already."},
    )
    description = models.TextField(blank=True, max_length=2_000)
    archived_at = models.DateTimeField(null=True, blank=True)
    four_eyes = models.BooleanField(default=False)
    """Whether the production alias needs another person than the maker of the version."""
    members: Any = models.ManyToManyField(
        "accounts.User", through="access.Membership", related_name="projects"
    )

    class Meta(AuditedModel.Meta):
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def policy_project_id(self) -> UUID:
        return self.pk

    def audit_project_id(self) -> UUID:
        return self.pk


class OfProject(AuditedModel):
    """A row that belongs to a project."""

    project: Any = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="%(class)ss")

    class Meta(AuditedModel.Meta):
        abstract = True

    @property
    def policy_project_id(self) -> UUID:
        return self.project_id


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


class RegisteredModel(OfProject):
    """A model by name; its versions are what was trained."""

    name = models.CharField(max_length=80)
    slug = models.CharField(max_length=60, validators=[SLUG])
    description = models.TextField(blank=True, max_length=4_000)
    task = models.CharField(max_length=10, choices=Task.choices, blank=True)

    class Meta(OfProject.Meta):
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["project", "slug"], name="model_slug_once")]
        indexes = [models.Index(fields=["project", "-id"], name="model_project")]

    def __str__(self) -> str:
        return self.name

    def audit_type(self) -> str:
        return "model"


class ModelAlias(OfProject):
    """A name that points at one version, such as `champion`."""

    model = models.ForeignKey(RegisteredModel, on_delete=models.CASCADE, related_name="aliases")
    name = models.CharField(max_length=40, validators=[SLUG])
    version = models.ForeignKey("registry.ModelVersion", on_delete=models.PROTECT, related_name="aliases")

    class Meta(OfProject.Meta):
        constraints = [models.UniqueConstraint(fields=["model", "name"], name="alias_once")]
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class AliasRequest(OfProject):
    """Somebody asks that an alias points at a version; another person decides."""

    model = models.ForeignKey(RegisteredModel, on_delete=models.CASCADE, related_name="alias_requests")
    version = models.ForeignKey(
        "registry.ModelVersion", on_delete=models.PROTECT, related_name="alias_requests"
    )
    name = models.CharField(max_length=40, validators=[SLUG])
    reason = models.CharField(max_length=500, blank=True)
    requested_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    state = models.CharField(max_length=10, choices=RequestState.choices, default=RequestState.WAITING)
    decided_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+", null=True)
    decided_at = models.DateTimeField(null=True)
    decision_reason = models.CharField(max_length=500, blank=True)

    class Meta(OfProject.Meta):
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["model", "name", "version"],
                condition=models.Q(state=RequestState.WAITING),
                name="alias_request_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.name} → {self.version}"

    def audit_type(self) -> str:
        return "alias_request"


class ModelVersion(OfProject):
    """One trained file of a model. Immutable: only notes and what inspection found are ever added."""

    model = models.ForeignKey(RegisteredModel, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    blob = models.ForeignKey(Blob, on_delete=models.PROTECT, related_name="versions")
    file_name = models.CharField(max_length=255)
    source_kind = models.CharField(max_length=8, choices=SourceKind.choices)
    notes = models.TextField(blank=True, max_length=4_000)
    created_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+", null=True)
    state = models.CharField(max_length=12, choices=VersionState.choices, default=VersionState.QUARANTINED)
    refusal = models.TextField(blank=True)
    task = models.CharField(max_length=10, choices=Task.choices, blank=True)
    architecture = models.CharField(max_length=60, blank=True)
    variant = models.CharField(max_length=4, blank=True)
    parameters = models.PositiveBigIntegerField(null=True)
    gflops = models.FloatField(null=True)
    image_size_px = models.PositiveIntegerField(null=True)
    class_names = models.JSONField(default=list)
    inspection = models.JSONField(default=dict)

    class Meta(OfProject.Meta):
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["model", "number"], name="version_number_once")]
        indexes = [
            models.Index(fields=["project", "-id"], name="version_project"),
            models.Index(fields=["model", "-id"], name="version_model"),
        ]

    def __str__(self) -> str:
        return f"{self.model.name} v{self.number}"

    def audit_type(self) -> str:
        return "version"

    @property
    def architecture_label(self) -> str:
        return f"{self.architecture}{self.variant}"


class Artifact(OfProject):
    """What an export made: the files, how they were made, and how far they were proven."""

    version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="artifacts")
    key = models.CharField(
        max_length=64, help_text="Digest of inputs, options and toolchain: identical work is one."
    )
    format_key = models.CharField(max_length=40)
    format_label = models.CharField(max_length=60)
    precision = models.CharField(max_length=10)
    options = models.JSONField(default=dict)
    proof = models.CharField(max_length=10, choices=Proof.choices, default=Proof.EXPORTED)
    proof_reason = models.TextField(blank=True)
    file_name = models.CharField(max_length=255)
    manifest_sha256 = models.CharField(max_length=64)
    size_bytes = models.PositiveBigIntegerField()
    comparison = models.JSONField(default=dict)
    latency_ms = models.JSONField(default=dict)
    runtime = models.JSONField(default=dict)
    toolchain = models.JSONField(default=dict)
    machine = models.JSONField(default=dict)
    durations_s = models.JSONField(default=dict)
    sandbox_tier = models.CharField(max_length=2, blank=True)
    created_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+", null=True)
    job = models.ForeignKey("jobs.Job", on_delete=models.SET_NULL, related_name="artifacts", null=True)

    class Meta(OfProject.Meta):
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["version", "key"], name="artifact_once")]
        indexes = [
            models.Index(fields=["project", "-id"], name="artifact_project"),
            models.Index(fields=["version", "-id"], name="artifact_version"),
        ]

    def __str__(self) -> str:
        return f"{self.version} {self.format_label} {self.precision.upper()}"


class ArtifactFile(OfProject):
    """One file of an artifact's manifest; folder formats have several."""

    artifact = models.ForeignKey(Artifact, on_delete=models.CASCADE, related_name="files")
    path = models.CharField(max_length=255)
    blob = models.ForeignKey(Blob, on_delete=models.PROTECT, related_name="artifact_files")

    class Meta(OfProject.Meta):
        ordering = ["path"]
        constraints = [models.UniqueConstraint(fields=["artifact", "path"], name="artifact_path_once")]

    def __str__(self) -> str:
        return self.path


class Dataset(OfProject):
    """A labelled image set in YOLO layout, frozen as one zip file."""

    name = models.CharField(max_length=80)
    slug = models.CharField(max_length=60, validators=[SLUG])
    purpose = models.CharField(max_length=12, choices=DatasetPurpose.choices)
    description = models.TextField(blank=True, max_length=4_000)
    blob = models.ForeignKey(Blob, on_delete=models.PROTECT, related_name="datasets")
    file_name = models.CharField(max_length=255)
    image_count = models.PositiveIntegerField()
    label_count = models.PositiveIntegerField()
    class_names = models.JSONField(default=list)
    created_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+", null=True)

    class Meta(OfProject.Meta):
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["project", "slug"], name="dataset_slug_once")]
        indexes = [models.Index(fields=["project", "-id"], name="dataset_project")]

    def __str__(self) -> str:
        return self.name
