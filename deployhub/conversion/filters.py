"""One FilterSet for each list."""

from __future__ import annotations

import django_filters as filters

from deployhub.conversion.models import Export
from deployhub.registry.filters import OfProjectFilter, SearchFilter


class ExportFilter(OfProjectFilter):
    q = SearchFilter("version__model__name", "format_key")
    version = filters.UUIDFilter(field_name="version_id", label="Version", help_text="Id of the version.")
    format = filters.CharFilter(
        field_name="format_key", max_length=40, label="Format", help_text="Key of the format, such as onnx."
    )

    class Meta:
        model = Export
        fields: list[str] = []
