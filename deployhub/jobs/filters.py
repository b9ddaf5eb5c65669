"""One FilterSet for the page and the API."""

from __future__ import annotations

from typing import Any

import django_filters as filters
from django.db.models import QuerySet
from django.http import HttpRequest

from deployhub.jobs.models import Job
from deployhub.jobs.vocab import JobState


class JobFilter(filters.FilterSet):
    q = filters.CharFilter(
        method="search", max_length=100, label="Search", help_text="Words that must all occur in the title."
    )
    state = filters.ChoiceFilter(
        choices=JobState.choices, empty_label="Any state", label="State", help_text="State of the job."
    )
    kind = filters.CharFilter(
        max_length=40, label="Kind", help_text="Kind of work, such as export or inspect."
    )
    project = filters.CharFilter(
        field_name="project__slug", max_length=60, label="Project", help_text="Short name of the project."
    )
    mine = filters.BooleanFilter(method="own", label="Mine", help_text="Only jobs that you asked for.")
    subject = filters.UUIDFilter(
        field_name="subject_id", label="Subject", help_text="Id of what the job works on, such as a version."
    )
    created_after = filters.IsoDateTimeFilter(
        field_name="created_at", lookup_expr="gte", label="Created after", help_text="ISO 8601 date and time."
    )
    created_before = filters.IsoDateTimeFilter(
        field_name="created_at", lookup_expr="lt", label="Created before", help_text="ISO 8601 date and time."
    )

    class Meta:
        model = Job
        fields: list[str] = []

    def search(self, queryset: QuerySet, name: str, value: str) -> QuerySet:
        for word in value.split()[:8]:
            queryset = queryset.filter(title__icontains=word)
        return queryset

    def own(self, queryset: QuerySet, name: str, value: bool) -> QuerySet:
        request: Any = self.request
        plain: HttpRequest = getattr(request, "_request", request)
        user_id = plain.actor.user_id  # type: ignore[attr-defined]
        return queryset.filter(requested_by_id=user_id) if value else queryset
