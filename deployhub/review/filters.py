"""Filters of the audit log: one set for the page and the API."""

from __future__ import annotations

import django_filters as filters
from django.db.models import Q, QuerySet

from deployhub.audit.models import AuditEvent
from deployhub.audit.vocab import Operation, Outcome
from deployhub.kernel.actor import Door
from deployhub.kernel.ids import parse_id


class AuditEventFilter(filters.FilterSet):
    q = filters.CharFilter(method="filter_text", label="Actor, action or object")
    action = filters.CharFilter(lookup_expr="startswith", label="Action, or its beginning (`version.`)")
    outcome = filters.ChoiceFilter(choices=Outcome.choices, empty_label="Every outcome")
    operation = filters.ChoiceFilter(choices=Operation.choices, empty_label="Every operation")
    door = filters.ChoiceFilter(choices=[(d.value, d.value) for d in Door], empty_label="Every door")
    actor = filters.UUIDFilter(field_name="actor_id", label="Account id")
    address = filters.CharFilter(label="Address")
    object_type = filters.CharFilter(label="Kind of object")
    object_id = filters.CharFilter(label="Object id")
    project = filters.UUIDFilter(field_name="project_id", label="Project id")
    request = filters.CharFilter(field_name="request_id", label="Request id")
    since = filters.IsoDateTimeFilter(field_name="at", lookup_expr="gte", label="From this time (ISO 8601)")
    until = filters.IsoDateTimeFilter(field_name="at", lookup_expr="lt", label="Before this time (ISO 8601)")

    class Meta:
        model = AuditEvent
        fields: list[str] = []

    def filter_text(self, queryset: QuerySet, name: str, value: str) -> QuerySet:
        if parse_id(value) is not None:
            return queryset.filter(Q(object_id=value) | Q(actor_id=value))
        return queryset.filter(
            Q(actor_name__icontains=value) | Q(action__icontains=value) | Q(object_label__icontains=value)
        )
