"""Reads that cross the floors: dashboard, search."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import Q, QuerySet
from django.urls import reverse

from deployhub.access import policy
from deployhub.access.vocab import RequestState
from deployhub.accounts.models import ApiToken, User
from deployhub.accounts.selectors import memberships_own, services_orphaned, tokens_ending, tokens_leaked
from deployhub.accounts.selectors.resets import mfa_resets_decidable
from deployhub.accounts.vocab import TOKEN_EXPIRES_VERY_SOON
from deployhub.jobs.models import Job
from deployhub.jobs.selectors import jobs_visible, workers_alive
from deployhub.jobs.vocab import LIVE_STATES, JobState
from deployhub.kernel.actor import Actor
from deployhub.kernel.clock import utc_now
from deployhub.portal.vocab import NAVIGATION
from deployhub.registry.models import Artifact, Dataset, ModelVersion, Project, RegisteredModel
from deployhub.registry.selectors import access_requests_decidable, alias_requests_visible
from deployhub.registry.vocab import Proof, VersionState

RECENT = timedelta(days=7)
ROLE_WARNING = timedelta(days=7)
SEARCH_ROWS = 5


def projects_of(actor: Actor) -> QuerySet[Project]:
    """Living projects that the actor may see."""
    return policy.visible(actor, "project.view", Project.objects.filter(archived_at=None), project_path="id")


def jobs_live_count(actor: Actor, project: Project | None) -> int:
    return _within(jobs_visible(actor), project).filter(state__in=LIVE_STATES).count()


def _within(queryset: QuerySet, project: Project | None) -> QuerySet:
    return queryset.filter(project=project) if project is not None else queryset


@dataclass(frozen=True, slots=True)
class Waiting:
    """Something that waits for the person who looks."""

    icon: str
    tone: str
    text: str
    detail: str
    url: str
    action: str


@dataclass(frozen=True, slots=True)
class Dashboard:
    running: list[Job]
    failed: list[Job]
    versions: list[ModelVersion]
    artifacts: list[Artifact]
    waiting: list[Waiting]
    counts: dict[str, int]
    has_projects: bool


def dashboard(actor: Actor, project: Project | None) -> Dashboard:
    """What runs now, what failed, what is new, what waits for the actor."""
    since = utc_now() - RECENT
    jobs = _within(jobs_visible(actor), project)
    versions = _within(policy.visible(actor, "version.view", ModelVersion.objects.all()), project)
    artifacts = _within(policy.visible(actor, "artifact.view", Artifact.objects.all()), project)
    running = jobs.filter(state__in=LIVE_STATES).prefetch_related("phases")
    failed = jobs.filter(state=JobState.FAILED, finished_at__gte=since)
    return Dashboard(
        running=list(running[:6]),
        failed=list(failed[:6]),
        versions=list(versions.select_related("model", "project")[:6]),
        artifacts=list(artifacts.select_related("version__model", "project")[:6]),
        waiting=_waiting(actor, versions, artifacts, failed),
        counts={
            "running": running.count(),
            "failed": failed.count(),
            "versions": versions.filter(created_at__gte=since).count(),
            "verified": artifacts.filter(created_at__gte=since, proof=Proof.VERIFIED).count(),
        },
        has_projects=projects_of(actor).exists(),
    )


def _waiting(actor: Actor, versions: QuerySet, artifacts: QuerySet, failed: QuerySet) -> list[Waiting]:
    found = _decisions(actor)
    for job in failed.filter(requested_by_id=actor.user_id)[:3]:
        found.append(
            Waiting(
                "circle-alert", "danger", job.title, job.error_detail or "It failed.",
                reverse("jobs:job", args=[job.pk]), "See why",
            )
        )  # fmt: skip
    unexported = versions.filter(created_by_id=actor.user_id, state=VersionState.ACCEPTED, artifacts=None)
    if policy.can(actor, "export.create"):
        for version in unexported.select_related("model")[:3]:
            found.append(
                Waiting(
                    "package", "accent", str(version), "Accepted, not exported to any format yet.",
                    f"{reverse('conversion:export-new')}?version={version.pk}", "Export",
                )
            )  # fmt: skip
    unproven = artifacts.filter(created_by_id=actor.user_id).exclude(proof=Proof.VERIFIED)
    for artifact in unproven.select_related("version__model")[:3]:
        found.append(
            Waiting(
                "circle-dashed", "warning", str(artifact), artifact.proof_reason or "Not verified here.",
                reverse("registry:artifact", args=[artifact.pk]), "Look",
            )
        )  # fmt: skip
    user = User.objects.filter(pk=actor.user_id).first()
    if user is not None and not second_factor_enrolled(user):
        found.append(
            Waiting(
                "shield-alert", "warning", "Your account has no second factor",
                "A password alone protects it. An authenticator app takes a minute to set up.",
                reverse("accounts:account"), "Set it up",
            )
        )  # fmt: skip
    found += _waiting_tokens(actor)
    if actor.is_administrator and not workers_alive().exists():
        found.append(
            Waiting(
                "server-off", "danger", "No worker is running", "Jobs wait until one starts.",
                reverse("portal:system"), "System",
            )
        )  # fmt: skip
    return found


def _waiting_tokens(actor: Actor) -> list[Waiting]:
    """Tokens that leaked or end soon, and machines that nobody answers for."""
    found: list[Waiting] = []
    for token in tokens_leaked(actor)[:3]:
        used = f"last used from {token.last_used_address}" if token.last_used_at else "never used"
        found.append(
            Waiting(
                "shield-alert", "danger", f"Token “{token.label}” of {token.user} leaked",
                f"Revoked on {token.revoked_at:%d %B %Y}, {used}. Look for what was done with it.",
                _tokens_url(actor, token), "Look",
            )
        )  # fmt: skip
    for token in tokens_ending(actor)[:3]:
        very_soon = token.expires_at <= utc_now() + TOKEN_EXPIRES_VERY_SOON
        found.append(
            Waiting(
                "key-round", "danger" if very_soon else "warning", f"Token “{token.label}” expires soon",
                f"On {token.expires_at:%d %B %Y}. What uses it stops then.", _tokens_url(actor, token), "Replace it",
            )
        )  # fmt: skip
    for service in services_orphaned(actor)[:3]:
        found.append(
            Waiting(
                "user", "warning", f"Nobody answers for {service}",
                f"{service.responsible} is not active any more. Name somebody else.",
                reverse("accounts:service-account", args=[service.pk]), "Hand over",
            )
        )  # fmt: skip
    return found


def _tokens_url(actor: Actor, token: ApiToken) -> str:
    if token.user.is_service:
        return reverse("accounts:service-account", args=[token.user.service.pk])
    if token.user_id == actor.user_id:
        return reverse("accounts:tokens")
    return f"{reverse('accounts:issued-tokens')}?state=leaked"


def _decisions(actor: Actor) -> list[Waiting]:
    """What waits for this person's word, and roles of theirs that end soon."""
    found: list[Waiting] = []
    if actor.user_id is None:
        return found
    for asked in access_requests_decidable(actor).exclude(user_id=actor.user_id)[:3]:
        found.append(
            Waiting(
                "user-plus", "accent", f"{asked.user.display_name} asks to be {asked.role_label.lower()}",
                f"In {asked.project.name}, for {asked.duration_days} days: {asked.reason}",
                reverse("registry:project-members", args=[asked.project.slug]), "Decide",
            )
        )  # fmt: skip
    waiting = alias_requests_visible(actor).filter(state=RequestState.WAITING)
    approvable = policy.visible(actor, "alias.approve", waiting).exclude(requested_by_id=actor.user_id)
    for request in approvable.exclude(version__created_by_id=actor.user_id)[:3]:
        found.append(
            Waiting(
                "tag", "accent", f"Approve {request.name} → {request.version}",
                f"{request.requested_by.display_name} asks for a second person.",
                reverse("registry:model", args=[request.model_id]), "Decide",
            )
        )  # fmt: skip
    for reset in mfa_resets_decidable(actor)[:3]:
        found.append(
            Waiting(
                "fingerprint", "warning", f"Confirm the reset of the second factor of {reset.user.display_name}?",
                f"{reset.requested_by or 'Somebody'}: “{reset.reason}”. It waits for another administrator until "
                f"{reset.ends_at:%d %B, %H:%M} UTC.",
                f"{reverse('accounts:mfa-resets')}?state=waiting", "Decide",
            )
        )  # fmt: skip
    soon = utc_now() + ROLE_WARNING
    for membership in memberships_own(actor):
        if membership.expires_at is not None and membership.expires_at < soon:
            found.append(
                Waiting(
                    "clock", "warning", f"Your role in {membership.project.name} ends soon",
                    f"{membership.role_label}, until {membership.expires_at:%d %B %Y, %H:%M} UTC.",
                    reverse("registry:access"), "Ask again",
                )
            )  # fmt: skip
    return found


def second_factor_enrolled(user: User) -> bool:
    from django_otp import user_has_device

    return user_has_device(user)


def search(actor: Actor, text: str) -> list[dict[str, Any]]:
    """Groups of the command palette: pages first, then what the actor may see, by name, newest first."""
    words = text.strip()
    low = words.lower()
    pages = [
        {"label": e.label, "sub": e.section, "url": reverse(e.view), "icon": e.icon}
        for e in NAVIGATION
        if policy.can(actor, e.permission) and low in e.label.lower()
    ]
    pages += [
        item
        for item in (
            {"label": "Upload a version", "sub": "", "url": reverse("registry:upload-new"), "icon": "upload"},
            {
                "label": "Account and security",
                "sub": "",
                "url": reverse("accounts:account"),
                "icon": "circle-user",
            },
            {"label": "API documentation", "sub": "", "url": reverse("portal:api-docs"), "icon": "code"},
            {"label": "Documentation", "sub": "", "url": reverse("portal:docs"), "icon": "book-open"},
        )
        if low in item["label"].lower()
    ]
    groups = [{"label": "Pages", "items": pages[: 12 if not words else SEARCH_ROWS]}]
    if not words:
        return groups
    models = policy.visible(actor, "model.view", RegisteredModel.objects.select_related("project"))
    versions = policy.visible(
        actor, "version.view", ModelVersion.objects.select_related("model", "project", "blob")
    )
    artifacts = policy.visible(
        actor, "artifact.view", Artifact.objects.select_related("version__model", "project")
    )
    datasets = policy.visible(actor, "dataset.view", Dataset.objects.select_related("project"))
    digest = Q(blob__sha256__startswith=low) if len(low) >= 6 else Q()
    found: list[tuple[str, str, str, QuerySet]] = [
        ("Projects", "registry:project", "folder-kanban", projects_of(actor).filter(Q(name__icontains=words) | Q(slug__icontains=low))),
        ("Models", "registry:model", "box", models.filter(Q(name__icontains=words) | Q(slug__icontains=low))),
        ("Versions", "registry:version", "git-commit-horizontal", versions.filter(Q(model__name__icontains=words) | Q(file_name__icontains=words) | (digest if digest else Q(pk=None)))),
        ("Artifacts", "registry:artifact", "package", artifacts.filter(Q(version__model__name__icontains=words) | Q(file_name__icontains=words) | Q(format_label__icontains=words))),
        ("Datasets", "registry:dataset", "images", datasets.filter(name__icontains=words)),
        ("Jobs", "jobs:job", "activity", jobs_visible(actor).filter(title__icontains=words)),
    ]  # fmt: skip
    for label, view, icon, rows in found:
        items = [
            {
                "label": str(row),
                "sub": "" if isinstance(row, Project) else row.project.name,
                "url": reverse(view, args=[row.slug if isinstance(row, Project) else row.pk]),
                "icon": icon,
            }
            for row in rows[:SEARCH_ROWS]
        ]
        if items:
            groups.append({"label": label, "items": items})
    return [group for group in groups if group["items"]]
