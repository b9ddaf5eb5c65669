"""One FilterSet for the page and the API of each list."""

from __future__ import annotations

from typing import Any

import django_filters as filters
from django.db.models import Q, QuerySet

from deployhub.access.models import AccessRequest, CustomRole, Membership
from deployhub.access.vocab import RequestState, Role
from deployhub.registry.models import (
    AliasRequest,
    Artifact,
    Dataset,
    DatasetVersion,
    ModelVersion,
    Project,
    RegisteredModel,
    Upload,
)
from deployhub.registry.vocab import DatasetPurpose, DatasetState, Proof, SourceKind, Task, VersionState

SEARCH_MAX_CHARACTERS = 100


class SearchFilter(filters.CharFilter):
    """`?q=`: every word must be found in one of the columns."""

    def __init__(self, *columns: str, **kwargs: Any) -> None:
        self.columns = columns
        kwargs.setdefault("label", "Search")
        kwargs.setdefault("help_text", "Words that must all occur.")
        super().__init__(max_length=SEARCH_MAX_CHARACTERS, **kwargs)

    def filter(self, qs: QuerySet, value: str) -> QuerySet:
        for word in (value or "").split()[:8]:
            found = Q()
            for column in self.columns:
                found |= Q(**{f"{column}__icontains": word})
            qs = qs.filter(found)
        return qs


class OfProjectFilter(filters.FilterSet):
    """What every list of a project's things can be filtered by."""

    project = filters.CharFilter(
        field_name="project__slug", max_length=60, label="Project", help_text="Short name of the project."
    )
    created_after = filters.IsoDateTimeFilter(
        field_name="created_at", lookup_expr="gte", label="Created after", help_text="ISO 8601 date and time."
    )
    created_before = filters.IsoDateTimeFilter(
        field_name="created_at", lookup_expr="lt", label="Created before", help_text="ISO 8601 date and time."
    )

    def filter_queryset(self, queryset: QuerySet) -> QuerySet:
        # By id rather than through a join: the list stays one walk along the index (project, -id).
        slug = self.form.cleaned_data.pop("project", "")
        if slug:
            queryset = queryset.filter(
                project_id__in=list(Project.objects.filter(slug=slug).values_list("pk", flat=True))
            )
        return super().filter_queryset(queryset)


class ProjectFilter(filters.FilterSet):
    q = SearchFilter("name", "slug", "description")
    archived = filters.BooleanFilter(
        field_name="archived_at",
        lookup_expr="isnull",
        exclude=True,
        label="Archived",
        help_text="Only archived, or only live projects.",
    )

    class Meta:
        model = Project
        fields: list[str] = []


class ModelFilter(OfProjectFilter):
    q = SearchFilter("name", "slug", "description")
    task = filters.ChoiceFilter(
        choices=Task.choices, empty_label="All tasks", label="Task", help_text="Task of the model."
    )

    class Meta:
        model = RegisteredModel
        fields: list[str] = []


class VersionFilter(OfProjectFilter):
    q = SearchFilter("model__name", "file_name", "notes", "architecture")
    model = filters.UUIDFilter(field_name="model_id", label="Model", help_text="Id of the model.")
    number = filters.NumberFilter(
        min_value=1, max_value=2**31 - 1, label="Number", help_text="Number within the model."
    )
    task = filters.ChoiceFilter(
        choices=Task.choices,
        empty_label="All tasks",
        label="Task",
        help_text="Task that the inspection found.",
    )
    state = filters.ChoiceFilter(
        choices=VersionState.choices,
        empty_label="All states",
        label="State",
        help_text="State of the version.",
    )
    source_kind = filters.ChoiceFilter(
        choices=SourceKind.choices,
        empty_label="All files",
        label="File",
        help_text="Kind of the source file.",
    )
    sha256 = filters.CharFilter(
        field_name="blob__sha256", max_length=64, label="sha256", help_text="Digest of the source file."
    )

    class Meta:
        model = ModelVersion
        fields: list[str] = []


class DatasetFilter(OfProjectFilter):
    q = SearchFilter("name", "slug", "description")
    purpose = filters.ChoiceFilter(
        choices=DatasetPurpose.choices,
        empty_label="All purposes",
        label="Purpose",
        help_text="What the dataset is for.",
    )

    class Meta:
        model = Dataset
        fields: list[str] = []


class DatasetVersionFilter(OfProjectFilter):
    q = SearchFilter("dataset__name", "file_name", "notes")
    dataset = filters.UUIDFilter(field_name="dataset_id", label="Dataset", help_text="Id of the dataset.")
    number = filters.NumberFilter(
        min_value=1, max_value=2**31 - 1, label="Number", help_text="Number within the dataset."
    )
    state = filters.ChoiceFilter(
        choices=DatasetState.choices,
        empty_label="All states",
        label="State",
        help_text="State of the version.",
    )
    sha256 = filters.CharFilter(
        field_name="blob__sha256", max_length=64, label="sha256", help_text="Digest of the zip file."
    )

    class Meta:
        model = DatasetVersion
        fields: list[str] = []


class MemberFilter(filters.FilterSet):
    q = SearchFilter("user__username", "user__name")
    role = filters.CharFilter(
        method="of_role",
        max_length=40,
        label="Role",
        help_text="Built-in role, or short name of the project's own.",
    )

    def of_role(self, queryset: QuerySet, name: str, value: str) -> QuerySet:
        return (
            queryset.filter(role=value) if value in Role.values else queryset.filter(custom_role__slug=value)
        )

    class Meta:
        model = Membership
        fields: list[str] = []


class CustomRoleFilter(filters.FilterSet):
    q = SearchFilter("name", "slug")

    class Meta:
        model = CustomRole
        fields: list[str] = []


class AccessRequestFilter(filters.FilterSet):
    state = filters.ChoiceFilter(
        choices=RequestState.choices, empty_label="Any state", label="State", help_text="What became of it."
    )

    class Meta:
        model = AccessRequest
        fields: list[str] = []


class AliasRequestFilter(OfProjectFilter):
    q = SearchFilter("name", "model__name")
    model = filters.UUIDFilter(field_name="model_id", label="Model", help_text="Id of the model.")
    state = filters.ChoiceFilter(
        choices=RequestState.choices, empty_label="Any state", label="State", help_text="What became of it."
    )

    class Meta:
        model = AliasRequest
        fields: list[str] = []


class UploadFilter(filters.FilterSet):
    q = SearchFilter("file_name")

    class Meta:
        model = Upload
        fields: list[str] = []


class ArtifactFilter(OfProjectFilter):
    q = SearchFilter("version__model__name", "format_label", "precision", "file_name")
    model = filters.UUIDFilter(field_name="version__model_id", label="Model", help_text="Id of the model.")
    version = filters.UUIDFilter(field_name="version_id", label="Version", help_text="Id of the version.")
    format = filters.CharFilter(
        field_name="format_key", max_length=40, label="Format", help_text="Key of the format, such as onnx."
    )
    precision = filters.CharFilter(max_length=10, label="Precision", help_text="Such as fp32 or fp16.")
    proof = filters.ChoiceFilter(
        choices=Proof.choices, empty_label="Any proof", label="Proof", help_text="How far it was proven."
    )
    sha256 = filters.CharFilter(
        field_name="files__blob__sha256",
        distinct=True,
        max_length=64,
        label="sha256",
        help_text="Digest of one of its files.",
    )

    class Meta:
        model = Artifact
        fields: list[str] = []
