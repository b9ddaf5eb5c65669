"""Filters of the lists, shared by page and API."""

from __future__ import annotations

from typing import Any

import django_filters
from django.db.models import Q, QuerySet

from deployhub.accounts.models import ApiToken, User
from deployhub.kernel.clock import utc_now

ROLES = [("administrator", "Administrator"), ("auditor", "Auditor"), ("none", "No global role")]
STATES = [("active", "Active"), ("inactive", "Deactivated")]
YES_NO = [("yes", "Set up"), ("no", "Not set up")]
TOKEN_STATES = [("usable", "Usable"), ("expired", "Expired"), ("revoked", "Revoked")]


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
        method="by_state", choices=TOKEN_STATES, label="State", help_text="Usable, expired or revoked."
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
        }
        return queryset.filter(**states[value])
