"""Pages of datasets."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from deployhub.doors.pages import Page
from deployhub.kernel.errors import InvalidInput
from deployhub.registry import selectors
from deployhub.registry.downloads import Download, RangeDownload
from deployhub.registry.filters import DatasetFilter
from deployhub.registry.forms import DatasetUploadForm
from deployhub.registry.models import Project
from deployhub.registry.services.datasets import dataset_create
from deployhub.registry.views.base import FilePage, RegistryList, history_of
from deployhub.registry.vocab import DatasetPurpose


class DatasetList(RegistryList):
    permission = "dataset.view"
    template_name = "registry/datasets.html"
    filterset_class = DatasetFilter
    sorts = ("name", "id")

    def queryset(self) -> QuerySet:
        return selectors.datasets_visible(self.actor)

    def context(self, **extra: Any) -> dict[str, Any]:
        return {**extra, "purposes": DatasetPurpose.choices}


class DatasetNew(FilePage):
    permission = "dataset.create"
    template_name = "registry/dataset_new.html"
    form_class = DatasetUploadForm
    done_message = "The dataset was registered."

    def context(self, **extra: Any) -> dict[str, Any]:
        return {
            **extra,
            "project": self.project(),
            "choices": selectors.projects_for(self.actor, self.permission),
            "arrived": self.upload_shown(extra.get("form")),
        }

    def act(self, form: Any) -> str:
        project: Project | None = self.project()
        if project is None:
            raise InvalidInput("Choose a project first.")
        cleaned = form.cleaned_data
        dataset = dataset_create(
            actor=self.actor,
            project=project,
            upload=self.upload_of(form, project),
            name=cleaned["name"],
            purpose=cleaned["purpose"],
            description=cleaned["description"],
        )
        return reverse("registry:dataset", args=[dataset.pk])


class DatasetPage(Page):
    permission = "dataset.view"
    template_name = "registry/dataset.html"

    def get(self, request: HttpRequest, dataset_id: UUID) -> HttpResponse:
        dataset = selectors.dataset_read(self.actor, dataset_id)
        tab = request.GET.get("tab", "")
        return self.page(
            dataset=dataset, tab=tab, history=history_of(self.actor, dataset) if tab == "history" else None
        )


class DatasetDownload(RangeDownload):
    permission = "dataset.download"

    def download(self, *, dataset_id: UUID) -> Download:
        dataset = selectors.dataset_get(self.actor, dataset_id)
        return Download.of_blob(dataset, dataset.blob, dataset.file_name)
