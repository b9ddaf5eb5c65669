"""No write slips past the audit log: rows, querysets, SQL (design in docs/decisions/0002-the-use-case.md)."""

from __future__ import annotations

import ast

from django.apps import apps
from django.db.models import Model

from deployhub.audit.audited import AuditedModel, AuditedQuerySet
from tests.architecture.tree import source_files, syntax_of

EXEMPT = {
    "audit.AuditEvent": "the log itself: append-only by database triggers",
    "audit.AuditLeaf": "the seal over the log: append-only by database triggers",
    "audit.AuditSubtree": "the seal over the log: append-only by database triggers",
    "audit.AuditCheckpoint": "the seal over the log: append-only by database triggers",
    "audit.AuditKey": "the seal over the log: append-only by database triggers",
    "audit.AuditSealer": "when the log was last sealed, every second",
    "audit.AuditWitness": "how far a copy outside has got, every second",
    "audit.AuditPermit": "never committed: it lives within the transaction that erases or prunes",
    "doors.IdempotencyRecord": "what the API answered lately; removed after a day",
    "jobs.JobPhase": "progress: several writes a second",
    "jobs.JobLogLine": "a log of its own: hundreds of lines a job",
    "jobs.WorkerNode": "a worker's heartbeat, every ten seconds",
    "jobs.EngineCatalogue": "what a worker published about its engine, keyed by its digest",
    "jobs.BeatMark": "when a periodic duty last ran, every few seconds",
    "review.PersonBaseline": "counts of what is usual for a person, changed by nearly every event that is judged",
    "review.WatchMark": "how far the review rules have judged, every minute",
    "review.JudgedEvent": "which events of the last hour the review rules have judged; the findings are audited",
    "accounts.TokenNetwork": "where a token was used from, noted at most once a minute; the uses themselves are audited",
    "accounts.FailedAttempts": "a counter of the throttle; the failures themselves are audited",
}
"""Reviewed: models that are not audited, each with its reason."""

UNAUDITED = {
    "jobs.Job": {"lease_expires_at", "announced_at", "worker_name"},
    "registry.Upload": {"offset_bytes", "touched_at"},
    "accounts.User": {"last_login", "mfa_demanded_at"},
    "accounts.TotpDevice": {"last_step", "last_used_at", "last_used_address"},
    "accounts.Passkey": {"sign_count", "last_challenge", "last_used_at", "last_used_address"},
    "accounts.UserSession": {
        "key_digest",
        "proof_digest",
        "factor",
        "last_seen_at",
        "last_seen_address",
    },
    "accounts.ApiToken": {"last_used_at", "last_used_address"},
    "accounts.FederatedIdentity": {"last_used_at"},
}
"""Reviewed: columns of audited models that may change without an event, because they change all the time."""

MASKED_WORDS = ("password", "digest", "seed", "secret", "stamp")


def own_models() -> list[type[Model]]:
    return [model for model in apps.get_models() if model.__module__.startswith("deployhub.")]


def test_every_model_is_audited_or_stands_on_the_reviewed_list() -> None:
    plain = {model._meta.label for model in own_models() if not issubclass(model, AuditedModel)}
    assert plain == set(EXEMPT)


def test_every_audited_model_writes_through_the_audited_queryset() -> None:
    for model in own_models():
        if issubclass(model, AuditedModel):
            assert model._meta.base_manager_name == "objects", (
                f"{model.__name__}.Meta must inherit its parent's Meta"
            )
            assert isinstance(model._base_manager.all(), AuditedQuerySet), model.__name__
            for manager in model._meta.managers:
                assert isinstance(manager.get_queryset(), AuditedQuerySet), f"{model.__name__}.{manager.name}"


def test_columns_that_change_without_an_event_are_reviewed() -> None:
    found = {
        model._meta.label: set(model.UNAUDITED_FIELDS)
        for model in own_models()
        if issubclass(model, AuditedModel) and model.UNAUDITED_FIELDS
    }
    assert found == UNAUDITED


def test_no_audited_model_shows_a_secret_in_the_log() -> None:
    bare = {
        f"{model._meta.label}.{field.attname}"
        for model in own_models()
        if issubclass(model, AuditedModel) and model._meta.app_label == "accounts"
        for field in model._meta.concrete_fields
        if any(word in field.attname for word in MASKED_WORDS)
        and field.get_internal_type() != "BooleanField"
        and field.attname not in model.AUDIT_MASKED
    }
    assert bare == set()


def test_many_to_many_links_are_rows_of_an_audited_model() -> None:
    for model in own_models():
        for field in model._meta.many_to_many:
            through = field.remote_field.through
            assert issubclass(through, AuditedModel), (
                f"{model.__name__}.{field.name} needs an audited `through`"
            )


def test_nobody_goes_round_the_audited_queryset() -> None:
    """ruff bans cursors (pyproject.toml); these need a look at the syntax."""
    wrong = []
    for path in source_files():
        if str(path).startswith(("deployhub/audit/", "deployhub/engine/")):
            continue
        for node in ast.walk(syntax_of(path)):
            if not isinstance(node, ast.Call):
                continue
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name in ("QuerySet", "raw", "extra", "RawSQL", "_raw_delete", "executescript"):
                wrong.append(f"{path}:{node.lineno} {name}(…)")
    assert wrong == []


def test_system_scopes_say_why() -> None:
    """A write by DeployHub itself carries a reason that a reader of the log understands."""
    silent = []
    for path in source_files():
        for node in ast.walk(syntax_of(path)):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "system_scope":
                reason = node.args[0] if node.args else None
                if isinstance(reason, ast.Constant) and len(str(reason.value)) < 8:
                    silent.append(f"{path}:{node.lineno}")
                if reason is None:
                    silent.append(f"{path}:{node.lineno}")
    assert silent == []
