"""Filters of findings, digests and reviews."""

from __future__ import annotations

from typing import Any

import django_filters as filters
from django.db.models import Q, QuerySet

from deployhub.kernel.ids import parse_id
from deployhub.review.models import Digest, Finding, Review
from deployhub.review.rules import RULES
from deployhub.review.watch.vocab import FindingState, Severity


class FindingFilter(filters.FilterSet):
    q = filters.CharFilter(method="filter_text", label="Part of what was found, or of a name")
    rule = filters.ChoiceFilter(
        choices=[(key, rule.label) for key, rule in RULES.items()], empty_label="Every rule"
    )
    severity = filters.ChoiceFilter(choices=Severity.choices, empty_label="Every severity")
    state = filters.ChoiceFilter(choices=FindingState.choices, empty_label="Every state")
    owner = filters.CharFilter(method="filter_owner", label="Account name of the owner; `none` for nobody's")
    person = filters.UUIDFilter(field_name="person_id", label="Account id of the person it is about")

    class Meta:
        model = Finding
        fields: list[str] = []

    def filter_text(self, queryset: QuerySet, name: str, value: str) -> QuerySet:
        if parse_id(value) is not None:
            return queryset.filter(Q(pk=value) | Q(person_id=value))
        return queryset.filter(Q(told__icontains=value) | Q(person_name__icontains=value))

    def filter_owner(self, queryset: QuerySet, name: str, value: str) -> QuerySet:
        wanted: dict[str, Any] = {"owner": None} if value == "none" else {"owner__username__iexact": value}
        return queryset.filter(**wanted)


class DigestFilter(filters.FilterSet):
    class Meta:
        model = Digest
        fields: list[str] = []


class ReviewFilter(filters.FilterSet):
    class Meta:
        model = Review
        fields: list[str] = []
