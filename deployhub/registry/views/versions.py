"""Pages of versions: the list, the upload, one version with its live inspection."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from deployhub.doors.pages import Page
from deployhub.jobs.models import Job
from deployhub.kernel.errors import InvalidInput
from deployhub.kernel.ids import parse_id
from deployhub.registry import selectors
from deployhub.registry.downloads import Download, RangeDownload
from deployhub.registry.filters import VersionFilter
from deployhub.registry.forms import NotesForm, VersionUploadForm
from deployhub.registry.models import ModelVersion, Project
from deployhub.registry.services import versions as services
from deployhub.registry.views.base import Act, FilePage, RegistryList, history_of
from deployhub.registry.vocab import Task, VersionState


class VersionList(RegistryList):
    permission = "version.view"
    template_name = "registry/versions.html"
    filterset_class = VersionFilter
    sorts = ("id",)

    def queryset(self) -> QuerySet:
        return selectors.versions_listed(self.actor)

    def context(self, **extra: Any) -> dict[str, Any]:
        return {**extra, "tasks": Task.choices, "states": VersionState.choices}


class UploadNew(FilePage):
    permission = "version.create"
    template_name = "registry/upload_new.html"
    form_class = VersionUploadForm
    existing: ModelVersion | None = None

    def form(self, **kwargs: Any) -> Any:
        project = self.project()
        if project is None:
            return None
        if "data" in kwargs:
            return VersionUploadForm(actor=self.actor, project=project, **kwargs)
        model_id = parse_id(self.request.GET.get("model", ""))
        return VersionUploadForm(actor=self.actor, project=project, initial={"model": model_id})

    def context(self, **extra: Any) -> dict[str, Any]:
        form = extra.get("form")
        return {
            **extra,
            "project": self.project(),
            "choices": selectors.projects_for(self.actor, self.permission),
            "arrived": self.upload_shown(form),
            "existing": self.existing,
        }

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if self.project() is None:
            raise InvalidInput("Choose a project first.", hint="Go back and choose the project of the model.")
        return super().post(request, *args, **kwargs)

    def act(self, form: Any) -> str:
        project: Project = self.project()  # type: ignore[assignment]
        cleaned = form.cleaned_data
        try:
            version, _ = services.version_create(
                actor=self.actor,
                project=project,
                upload=self.upload_of(form, project),
                model=cleaned["model"],
                model_name="" if cleaned["model"] else cleaned["model_name"],
                notes=cleaned["notes"],
            )
        except services.VersionExists as known:
            self.existing = known.version
            raise
        messages.success(self.request, f"{version} was registered. It is being inspected now.")
        return reverse("registry:version", args=[version.pk])


class VersionPage(Page):
    permission = "version.view"
    template_name = "registry/version.html"

    def get(self, request: HttpRequest, version_id: UUID) -> HttpResponse:
        version = selectors.version_read(self.actor, version_id)
        tab = request.GET.get("tab", "")
        artifacts = selectors.artifacts_of_version(self.actor, version)
        return self.page(
            **inspection_progress(version),
            tab=tab,
            facts=version.inspection,
            aliases=version.aliases.all(),
            artifacts=artifacts[:100],
            notes_form=NotesForm(initial={"notes": version.notes}),
            history=history_of(self.actor, version) if tab == "history" else None,
        )


class VersionLive(Page):
    """The inspection's progress. When it has ended the page is loaded anew, with what was found."""

    permission = "version.view"
    template_name = "registry/_version_live.html"

    def get(self, request: HttpRequest, version_id: UUID) -> HttpResponse:
        progress = inspection_progress(selectors.version_get(self.actor, version_id))
        if not progress["is_inspecting"]:
            return HttpResponse(status=204, headers={"HX-Refresh": "true"})
        return self.page(**progress)


class VersionInspect(Act):
    permission = "version.inspect"
    done_message = "The version is being inspected again."

    def act(self, *, version_id: UUID) -> str:
        services.version_inspect(actor=self.actor, version=selectors.version_get(self.actor, version_id))
        return self.back(version_id=version_id)

    def back(self, *, version_id: UUID) -> str:
        return reverse("registry:version", args=[version_id])


class VersionNotes(VersionInspect):
    permission = "version.describe"
    done_message = "The notes were saved."

    def act(self, *, version_id: UUID) -> str:
        form = NotesForm(self.request.POST)
        if not form.is_valid():
            raise InvalidInput("The notes are longer than 4,000 characters.", hint="Shorten them.")
        version = selectors.version_get(self.actor, version_id)
        services.version_describe(actor=self.actor, version=version, notes=form.cleaned_data["notes"])
        return self.back(version_id=version_id)


class VersionDownload(RangeDownload):
    permission = "version.download"

    def download(self, *, version_id: UUID) -> Download:
        version = selectors.version_get(self.actor, version_id)
        return Download.of_blob(version, version.blob, version.file_name)


def inspection_progress(version: ModelVersion) -> dict[str, Any]:
    """What the live part of a version's page shows."""
    job: Job | None = selectors.version_inspection_job(version)
    is_inspecting = version.state == VersionState.QUARANTINED and job is not None and job.is_live
    return {
        "version": version,
        "job": job,
        "is_inspecting": is_inspecting,
        "phases": list(job.phases.filter(attempt=job.attempt)) if job is not None and is_inspecting else [],
    }
