"""Filters of the lists, shared by page and API."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import django_filters
from django.db.models import Exists, OuterRef, Q, QuerySet

from deployhub.access.models import Membership
from deployhub.accounts.models import ApiToken, Invitation, MfaReset, ServiceAccount, User, UserSession
from deployhub.accounts.vocab import (
    MFA_RESET_LIFE,
    TOKEN_UNUSED,
    AccountKind,
    InvitationState,
    ResetState,
    Revocation,
)
from deployhub.kernel.clock import utc_now

ROLES = [("administrator", "Administrator"), ("auditor", "Auditor"), ("none", "No global role")]
STATES = [("active", "Active"), ("inactive", "Deactivated")]
YES_NO = [("yes", "Set up"), ("no", "Not set up")]
TOKEN_STATES = [("usable", "Usable"), ("expired", "Expired"), ("revoked", "Revoked"), ("leaked", "Leaked")]
SESSION_STATES = [("open", "Open"), ("ended", "Ended")]
USES = [("unused", "Unused for 90 days"), ("never", "Never used")]
ENDS = [("14", "Within 14 days"), ("3", "Within 3 days")]


class UserFilterSet(django_filters.FilterSet):
    q = django_filters.CharFilter(
        method="search", label="Search", help_text="Part of the name, full name or address."
    )
    role = django_filters.ChoiceFilter(
        method="by_role", choices=ROLES, label="Role", help_text="The global role."
    )
    state = django_filters.ChoiceFilter(
        method="by_state", choices=STATES, label="State", help_text="Active or not."
    )
    second_factor = django_filters.ChoiceFilter(
        method="by_second_factor",
        choices=YES_NO,
        label="Second factor",
        help_text="Whether a second factor is set up.",
    )

    class Meta:
        model = User
        fields: list[str] = []

    def search(self, queryset: QuerySet, name: str, value: str) -> QuerySet:
        return queryset.filter(
            Q(username__icontains=value) | Q(name__icontains=value) | Q(email__icontains=value)
        )

    def by_role(self, queryset: QuerySet, name: str, value: str) -> QuerySet:
        roles: dict[str, dict[str, Any]] = {
            "administrator": {"is_administrator": True},
            "auditor": {"is_auditor": True},
            "none": {"is_administrator": False, "is_auditor": False},
        }
        return queryset.filter(**roles[value])

    def by_state(self, queryset: QuerySet, name: str, value: str) -> QuerySet:
        return queryset.filter(is_active=value == "active")

    def by_second_factor(self, queryset: QuerySet, name: str, value: str) -> QuerySet:
        return queryset.filter(has_second_factor=value == "yes")


class TokenFilterSet(django_filters.FilterSet):
    q = django_filters.CharFilter(
        field_name="label", lookup_expr="icontains", label="Search", help_text="Part of the label."
    )
    state = django_filters.ChoiceFilter(
        method="by_state",
        choices=TOKEN_STATES,
        label="State",
        help_text="Usable, expired, revoked or leaked.",
    )

    use = django_filters.ChoiceFilter(
        method="by_use",
        choices=USES,
        label="Use",
        help_text="Usable tokens that nobody used lately, or ever.",
    )
    ends = django_filters.ChoiceFilter(
        method="by_end", choices=ENDS, label="Ends", help_text="Usable tokens that end soon, in days."
    )

    class Meta:
        model = ApiToken
        fields: list[str] = []

    def by_state(self, queryset: QuerySet, name: str, value: str) -> QuerySet:
        now = utc_now()
        states: dict[str, dict[str, Any]] = {
            "usable": {"revoked_at": None, "expires_at__gt": now},
            "expired": {"revoked_at": None, "expires_at__lte": now},
            "revoked": {"revoked_at__isnull": False},
            "leaked": {"revocation": Revocation.LEAKED},
        }
        return queryset.filter(**states[value])

    def by_use(self, queryset: QuerySet, name: str, value: str) -> QuerySet:
        usable = queryset.filter(revoked_at=None, expires_at__gt=utc_now())
        if value == "never":
            return usable.filter(last_used_at=None)
        before = utc_now() - TOKEN_UNUSED
        return usable.filter(Q(last_used_at__lt=before) | Q(last_used_at=None, created_at__lt=before))

    def by_end(self, queryset: QuerySet, name: str, value: str) -> QuerySet:
        now = utc_now()
        return queryset.filter(
            revoked_at=None, rotated_at=None, expires_at__range=(now, now + timedelta(days=int(value)))
        )


class IssuedTokenFilterSet(TokenFilterSet):
    """All tokens of the installation: also by whose they are and where they reach."""

    owner = django_filters.CharFilter(
        field_name="user__username", lookup_expr="iexact", label="Owner", help_text="Name of the account."
    )
    kind = django_filters.ChoiceFilter(
        field_name="user__kind",
        choices=AccountKind.choices,
        label="Kind",
        help_text="Of people or of machines.",
    )
    project = django_filters.CharFilter(
        method="by_project", label="Project", help_text="Short name of a project that they may reach."
    )

    def by_project(self, queryset: QuerySet, name: str, value: str) -> QuerySet:
        """Bound to the project, or bound to none and its owner has a role there."""
        roles = Membership.objects.filter(project__slug=value, user=OuterRef("user"))
        named = Membership.objects.filter(project__slug=value).values_list("project_id", flat=True).first()
        return queryset.filter(
            Q(project_ids__icontains=str(named or value)) | Q(Exists(roles), project_ids=[])
        )


class ServiceAccountFilterSet(django_filters.FilterSet):
    q = django_filters.CharFilter(
        method="search", label="Search", help_text="Part of the name or the purpose."
    )
    state = django_filters.ChoiceFilter(
        method="by_state", choices=STATES, label="State", help_text="Active or not."
    )
    project = django_filters.CharFilter(
        field_name="project__slug", label="Project", help_text="Short name of the project it belongs to."
    )

    class Meta:
        model = ServiceAccount
        fields: list[str] = []

    def search(self, queryset: QuerySet, name: str, value: str) -> QuerySet:
        return queryset.filter(
            Q(user__username__icontains=value) | Q(user__name__icontains=value) | Q(purpose__icontains=value)
        )

    def by_state(self, queryset: QuerySet, name: str, value: str) -> QuerySet:
        return queryset.filter(user__is_active=value == "active")


class SessionFilterSet(django_filters.FilterSet):
    state = django_filters.ChoiceFilter(
        method="by_state", choices=SESSION_STATES, label="State", help_text="Open or ended."
    )

    class Meta:
        model = UserSession
        fields: list[str] = []

    def by_state(self, queryset: QuerySet, name: str, value: str) -> QuerySet:
        return queryset.filter(is_open=value == "open")


class MfaResetFilterSet(django_filters.FilterSet):
    state = django_filters.ChoiceFilter(
        method="by_state", choices=ResetState.choices, label="State", help_text="What became of it."
    )

    class Meta:
        model = MfaReset
        fields: list[str] = []

    def by_state(self, queryset: QuerySet, name: str, value: str) -> QuerySet:
        oldest = utc_now() - MFA_RESET_LIFE
        waiting = Q(state=ResetState.WAITING)
        if value == ResetState.WAITING:
            return queryset.filter(waiting, created_at__gt=oldest)
        if value == ResetState.LAPSED:
            return queryset.filter(Q(state=ResetState.LAPSED) | (waiting & Q(created_at__lte=oldest)))
        return queryset.filter(state=value)


class InvitationFilterSet(django_filters.FilterSet):
    state = django_filters.ChoiceFilter(
        method="by_state",
        choices=[*InvitationState.choices, ("expired", "Expired")],
        label="State",
        help_text="What became of it.",
    )
    project = django_filters.CharFilter(
        field_name="project__slug", label="Project", help_text="Short name of the project it leads into."
    )

    class Meta:
        model = Invitation
        fields: list[str] = []

    def by_state(self, queryset: QuerySet, name: str, value: str) -> QuerySet:
        now = utc_now()
        if value == InvitationState.PENDING:
            return queryset.filter(state=InvitationState.PENDING, expires_at__gt=now)
        if value == "expired":
            return queryset.filter(state=InvitationState.PENDING, expires_at__lte=now)
        return queryset.filter(state=value)
