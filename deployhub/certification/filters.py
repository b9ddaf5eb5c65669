"""One FilterSet for the page and the API of each list."""

from __future__ import annotations

import django_filters as filters

from deployhub.access.vocab import RequestState
from deployhub.registry.filters import OfProjectFilter, SearchFilter
from deployhub.registry.models import Certificate, CertificateOverride
from deployhub.registry.vocab import CertificateOutcome


class CertificateFilter(OfProjectFilter):
    q = SearchFilter(
        "artifact__version__model__name", "artifact__format_label", "artifact__precision", "reason"
    )
    artifact = filters.UUIDFilter(field_name="artifact_id", label="Artifact", help_text="Id of the artifact.")
    version = filters.UUIDFilter(
        field_name="artifact__version_id", label="Version", help_text="Id of the source version."
    )
    outcome = filters.ChoiceFilter(
        choices=CertificateOutcome.choices,
        empty_label="Any outcome",
        label="Outcome",
        help_text="How it ended.",
    )

    class Meta:
        model = Certificate
        fields: list[str] = []


class OverrideFilter(OfProjectFilter):
    artifact = filters.UUIDFilter(field_name="artifact_id", label="Artifact", help_text="Id of the artifact.")
    state = filters.ChoiceFilter(
        choices=RequestState.choices, empty_label="Any state", label="State", help_text="Whether it waits."
    )

    class Meta:
        model = CertificateOverride
        fields: list[str] = []
