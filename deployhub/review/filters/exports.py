"""Filters of the list of exports."""

from __future__ import annotations

import django_filters as filters

from deployhub.review.models import AuditExport
from deployhub.review.vocab import ExportForm, ExportKind


class AuditExportFilter(filters.FilterSet):
    kind = filters.ChoiceFilter(choices=ExportKind.choices, empty_label="Exports and archives")
    form = filters.ChoiceFilter(choices=ExportForm.choices, empty_label="Every form")

    class Meta:
        model = AuditExport
        fields: list[str] = []
