"""Pages of datasets: the list, the uploads, a version with its report, statistics and pictures."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from deployhub.doors.pages import Page
from deployhub.jobs.models import Job
from deployhub.kernel.errors import Conflict, InvalidInput, NotFound
from deployhub.kernel.ids import parse_id
from deployhub.registry import selectors
from deployhub.registry.dataset_comparison import DatasetComparison, dataset_compare
from deployhub.registry.downloads import Download, RangeDownload, picture_respond
from deployhub.registry.filters import DatasetFilter
from deployhub.registry.forms import DatasetUploadForm, DatasetVersionUploadForm
from deployhub.registry.models import Dataset, DatasetVersion, Project
from deployhub.registry.services import datasets as services
from deployhub.registry.views.base import Act, FilePage, RegistryList, history_of
from deployhub.registry.views.dataset_drawing import charts_of, picture_drawn
from deployhub.registry.vocab import DatasetPurpose, DatasetState

TABS = ("images", "statistics", "versions", "history")
COMPARED_SHOWN = 100


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
        version = services.dataset_create(
            actor=self.actor,
            project=project,
            upload=self.upload_of(form, project),
            name=cleaned["name"],
            purpose=cleaned["purpose"],
            description=cleaned["description"],
        )
        messages.success(self.request, f"{version.dataset} was registered. It is being checked now.")
        return reverse("registry:dataset-version", args=[version.pk])


class DatasetExtend(FilePage):
    """Upload the next version of a dataset."""

    permission = "dataset.extend"
    template_name = "registry/dataset_extend.html"
    form_class = DatasetVersionUploadForm

    def dataset(self) -> Dataset:
        return selectors.dataset_get(self.actor, self.kwargs["dataset_id"])

    def context(self, **extra: Any) -> dict[str, Any]:
        dataset = self.dataset()
        return {
            **extra,
            "dataset": dataset,
            "project": dataset.project,
            "arrived": self.upload_shown(extra.get("form")),
        }

    def act(self, form: Any) -> str:
        dataset = self.dataset()
        version = services.dataset_extend(
            actor=self.actor,
            dataset=dataset,
            upload=self.upload_of(form, dataset.project),
            notes=form.cleaned_data["notes"],
        )
        messages.success(self.request, f"{version} was registered. It is being checked now.")
        return reverse("registry:dataset-version", args=[version.pk])


class _VersionPage(Page):
    """What the page of a dataset and that of one of its versions show."""

    permission = "dataset.view"
    template_name = "registry/dataset.html"

    def shown(self, version: DatasetVersion) -> HttpResponse:
        asked = self.request.GET.get("tab", "")
        tab = asked if asked in TABS else ""
        extra: dict[str, Any] = {}
        if tab == "images":
            extra = self._images(version)
        elif tab == "statistics":
            extra = {"charts": charts_of(version), "statistics": version.statistics}
        elif tab == "versions":
            extra = self._compared(version)
        elif tab == "history":
            extra = {"history": history_of(self.actor, version)}
        return self.page(
            **check_progress(version),
            dataset=version.dataset,
            versions=selectors.dataset_versions_listed(self.actor).filter(dataset=version.dataset),
            counts=version.severity_counts(),
            tab=tab,
            at={name or "report": name == tab for name in ("", *TABS)},
            **extra,
        )

    def _images(self, version: DatasetVersion) -> dict[str, Any]:
        asked = self.request.GET.get("class", "")
        chosen = int(asked) if asked.isascii() and asked.isdecimal() and len(asked) < 7 else None
        pictures = [picture_drawn(version, at) for at in range(len(version.thumbnails))]
        shown = sorted({index for picture in pictures for index in picture.classes})
        return {
            "pictures": [picture for picture in pictures if chosen is None or chosen in picture.classes],
            "picture_total": len(pictures),
            "chosen": "" if chosen is None else chosen,
            "class_choices": [(index, version.class_name(index)) for index in shown],
        }

    def _compared(self, version: DatasetVersion) -> dict[str, Any]:
        base_id = parse_id(self.request.GET.get("base", ""))
        if base_id is None:
            return {}
        base = selectors.dataset_version_get(self.actor, base_id)
        comparison: DatasetComparison | None = None
        problem = ""
        try:
            comparison = dataset_compare(base, version)
        except Conflict as error:
            problem = f"{error.detail} {error.hint}"
        rows = []
        if comparison is not None:
            lists = {
                "Added": comparison.added, "Removed": comparison.removed, "Changed": comparison.changed,
                "Labelled anew": comparison.relabelled,
            }  # fmt: skip
            rows = [(title, len(names), names[:COMPARED_SHOWN]) for title, names in lists.items()]
        return {"base": base, "comparison": comparison, "compared_rows": rows, "compare_problem": problem}


class DatasetPage(_VersionPage):
    def get(self, request: HttpRequest, dataset_id: UUID) -> HttpResponse:
        dataset = selectors.dataset_read(self.actor, dataset_id)
        return self.shown(selectors.dataset_version_get(self.actor, dataset.newest.pk))


class VersionPage(_VersionPage):
    def get(self, request: HttpRequest, dataset_version_id: UUID) -> HttpResponse:
        return self.shown(selectors.dataset_version_read(self.actor, dataset_version_id))


class VersionLive(Page):
    """The check's progress. When it has ended the page is loaded anew, with what was found."""

    permission = "dataset.view"
    template_name = "registry/_dataset_live.html"

    def get(self, request: HttpRequest, dataset_version_id: UUID) -> HttpResponse:
        progress = check_progress(selectors.dataset_version_get(self.actor, dataset_version_id))
        if not progress["is_checking"]:
            return HttpResponse(status=204, headers={"HX-Refresh": "true"})
        return self.page(**progress)


class VersionCheck(Act):
    permission = "dataset.check"
    done_message = "The version is being checked again."

    def act(self, *, dataset_version_id: UUID) -> str:
        version = selectors.dataset_version_get(self.actor, dataset_version_id)
        services.dataset_check(actor=self.actor, version=version)
        return self.back(dataset_version_id=dataset_version_id)

    def back(self, *, dataset_version_id: UUID) -> str:
        return reverse("registry:dataset-version", args=[dataset_version_id])


class ImagePage(Page):
    """One picture in large, with its labels and what was found about it."""

    permission = "dataset.view"
    template_name = "registry/dataset_image.html"

    def get(self, request: HttpRequest, dataset_version_id: UUID, thumbnail_id: int) -> HttpResponse:
        version = selectors.dataset_version_read(self.actor, dataset_version_id)
        if thumbnail_id >= len(version.thumbnails):
            raise NotFound("There is no such picture.", hint="The version's page lists those that there are.")
        codes = set(version.thumbnails[thumbnail_id]["findings"])
        return self.page(
            version=version,
            dataset=version.dataset,
            picture=picture_drawn(version, thumbnail_id),
            findings=[finding for finding in version.report if finding["code"] in codes],
            previous=thumbnail_id - 1 if thumbnail_id else None,
            next=thumbnail_id + 1 if thumbnail_id + 1 < len(version.thumbnails) else None,
        )


class Picture(Page):
    permission = "dataset.view"

    def get(self, request: HttpRequest, dataset_version_id: UUID, thumbnail_id: int) -> HttpResponse:
        return picture_respond(selectors.dataset_version_get(self.actor, dataset_version_id), thumbnail_id)


class DatasetDownload(RangeDownload):
    permission = "dataset.download"

    def download(self, *, dataset_id: UUID) -> Download:
        version = selectors.dataset_get(self.actor, dataset_id).newest
        return Download.of_blob(version, version.blob, version.file_name)


class VersionDownload(RangeDownload):
    permission = "dataset.download"

    def download(self, *, dataset_version_id: UUID) -> Download:
        version = selectors.dataset_version_get(self.actor, dataset_version_id)
        return Download.of_blob(version, version.blob, version.file_name)


def check_progress(version: DatasetVersion) -> dict[str, Any]:
    """What the live part of a version's page shows."""
    job: Job | None = selectors.dataset_check_job(version)
    is_checking = version.state == DatasetState.CHECKING and job is not None and job.is_live
    return {
        "version": version,
        "job": job,
        "is_checking": is_checking,
        "phases": list(job.phases.filter(attempt=job.attempt)) if job is not None and is_checking else [],
    }
