"""The append-only log, and what seals it: leaves of one growing Merkle tree, and signed checkpoints over it.

Triggers (migration 0004) refuse UPDATE and DELETE on PostgreSQL and SQLite. Two things they let pass, each only for
an event that a permit of the same transaction names: its personal parts are emptied, or it is pruned once sealed.
"""

from __future__ import annotations

from django.db import models

from deployhub.audit.vocab import SCHEMA_VERSION, Operation, Outcome, Permit
from deployhub.kernel.actor import ActorKind, Door
from deployhub.kernel.clock import utc_now


class AuditEvent(models.Model):
    """Who did what to which object, when, through which door, with what outcome.

    It has no foreign keys: names and ids are snapshots, so the log stands when what it tells about is gone.
    """

    id = models.BigAutoField(primary_key=True)
    at = models.DateTimeField(default=utc_now, editable=False)
    action = models.CharField(max_length=64)
    operation = models.CharField(max_length=8, choices=Operation.choices)
    outcome = models.CharField(max_length=8, choices=Outcome.choices, default=Outcome.SUCCESS)
    actor_kind = models.CharField(max_length=10, choices=[(k.value, k.value) for k in ActorKind])
    actor_id = models.UUIDField(null=True)
    actor_name = models.CharField(max_length=200)
    door = models.CharField(max_length=10, choices=[(d.value, d.value) for d in Door])
    address = models.CharField(max_length=64, blank=True)
    user_agent = models.CharField(max_length=256, blank=True)
    auth_method = models.CharField(max_length=20, blank=True)
    acting_as = models.CharField(max_length=80, blank=True)
    session_id = models.CharField(max_length=64, blank=True)
    token_id = models.UUIDField(null=True)
    request_id = models.CharField(max_length=64, blank=True)
    job_id = models.UUIDField(null=True)
    project_id = models.UUIDField(null=True)
    object_type = models.CharField(max_length=40, blank=True)
    object_id = models.CharField(max_length=64, blank=True)
    object_label = models.CharField(max_length=200, blank=True)
    changes = models.JSONField(default=dict)
    reason = models.CharField(max_length=500, blank=True)
    schema_version = models.PositiveSmallIntegerField(default=SCHEMA_VERSION)
    subject_id = models.UUIDField(null=True)
    """The person whom the event is about; its label and some of its changes are personal then."""
    subject_fields = models.CharField(max_length=200, blank=True)
    personal_salt = models.CharField(max_length=32, blank=True)
    personal_digest = models.CharField(max_length=64, blank=True)
    subject_salt = models.CharField(max_length=32, blank=True)
    subject_digest = models.CharField(max_length=64, blank=True)
    mac = models.CharField(max_length=80, blank=True)

    class Meta:
        ordering = ["-id"]
        # Each ends in the order of the log's pages, so that the first page of any filter is read straight from it.
        indexes = [
            models.Index(fields=["-at", "-id"], name="audit_time"),
            models.Index(fields=["object_id", "-at", "-id"], name="audit_of_object"),
            models.Index(fields=["actor_id", "-at", "-id"], name="audit_of_actor"),
            models.Index(fields=["project_id", "-at", "-id"], name="audit_in_project"),
            models.Index(fields=["action", "-at", "-id"], name="audit_of_action"),
            # The operator class lets PostgreSQL find a network as the beginning of its addresses.
            models.Index(
                fields=["address", "-at"],
                name="audit_from_address",
                opclasses=["varchar_pattern_ops", "timestamptz_ops"],
            ),
            models.Index(
                fields=["-at", "-id"], name="audit_not_done", condition=~models.Q(outcome=Outcome.SUCCESS)
            ),
            models.Index(
                fields=["token_id", "-at", "-id"],
                name="audit_by_token",
                condition=models.Q(token_id__isnull=False),
            ),
            models.Index(fields=["request_id"], name="audit_in_request", condition=~models.Q(request_id="")),
            models.Index(
                fields=["subject_id", "-id"],
                name="audit_subject",
                condition=models.Q(subject_id__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.actor_name} {self.action} {self.object_type} {self.object_label}".strip()


class AuditLeaf(models.Model):
    """One leaf of the tree: the place of an event in the sealed order. It stays when its event is pruned.

    `code` is an HMAC over place, event and digest: who recomputes every digest without the key is told apart here.
    """

    position = models.BigIntegerField(primary_key=True)
    event_id = models.BigIntegerField(unique=True)
    digest = models.BinaryField(max_length=32)
    code = models.BinaryField(max_length=32)

    def __str__(self) -> str:
        return f"leaf {self.position}: event {self.event_id}"


class AuditSubtree(models.Model):
    """The root of a complete subtree of 256, 65,536, … leaves, kept so that a proof reads few leaves."""

    level = models.PositiveSmallIntegerField()
    position = models.BigIntegerField()
    digest = models.BinaryField(max_length=32)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["level", "position"], name="audit_subtree_once")]

    def __str__(self) -> str:
        return f"subtree {self.level}/{self.position}"


class AuditCheckpoint(models.Model):
    """A signed statement of the tree's size and root. `body` is what was signed; the columns repeat it for queries."""

    sequence = models.BigIntegerField(primary_key=True)
    size = models.BigIntegerField(db_index=True)
    root = models.CharField(max_length=64)
    at = models.DateTimeField()
    last_event_id = models.BigIntegerField()
    key_id = models.CharField(max_length=16)
    body = models.TextField()
    signature = models.CharField(max_length=128)
    frontier = models.JSONField()
    """Roots of the complete subtrees that the tree consists of, largest first; the next batch grows from them."""

    class Meta:
        ordering = ["-sequence"]

    def __str__(self) -> str:
        return f"checkpoint {self.sequence} over {self.size} events"


class AuditKey(models.Model):
    """A signing key's public half, and how it came to succeed the one before it."""

    key_id = models.CharField(max_length=16, primary_key=True)
    public_key = models.CharField(max_length=64)
    body = models.TextField()
    """The statement of succession: this key, the previous key, and the checkpoint between them."""
    own_signature = models.CharField(max_length=128)
    previous_signature = models.CharField(max_length=128, blank=True)
    """The previous key's word for this one; empty where that key was lost."""
    ordinal = models.PositiveIntegerField(unique=True)
    created_at = models.DateTimeField(default=utc_now)

    class Meta:
        ordering = ["ordinal"]

    def __str__(self) -> str:
        return f"key {self.key_id}"


class AuditSealer(models.Model):
    """The one row that a sealer locks while it works, and what it remembers."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    low_water_id = models.BigIntegerField(default=0)
    """Every event up to here was sealed long ago; the quick search begins behind it, the deep one at the beginning."""
    searched_deep_at = models.DateTimeField(null=True)
    ran_at = models.DateTimeField(null=True)
    problem = models.CharField(max_length=300, blank=True)

    def __str__(self) -> str:
        return f"sealer, last ran {self.ran_at}"


class AuditWitness(models.Model):
    """A place outside the database that keeps copies of checkpoints, and how far it got."""

    name = models.CharField(max_length=300, primary_key=True)
    delivered_sequence = models.BigIntegerField(default=-1)
    delivered_at = models.DateTimeField(null=True)
    try_at = models.DateTimeField(default=utc_now)
    failures = models.PositiveIntegerField(default=0)
    problem = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class AuditPermit(models.Model):
    """Lets the triggers pass for one event, within the transaction that wrote it and takes it back."""

    event_id = models.BigIntegerField(primary_key=True)
    kind = models.CharField(max_length=5, choices=Permit.choices)

    def __str__(self) -> str:
        return f"{self.kind} event {self.event_id}"
