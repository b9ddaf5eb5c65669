"""The page that asks for an export."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from deployhub.access import policy
from deployhub.conversion import selectors
from deployhub.conversion.forms import ExportForm
from deployhub.conversion.services import artifact_replay, export_create
from deployhub.doors.pages import FormPage, Page
from deployhub.jobs.selectors import catalogue_current
from deployhub.kernel.errors import Conflict, NotFound
from deployhub.kernel.ids import parse_id
from deployhub.registry.models import ModelVersion
from deployhub.registry.selectors import artifact_get
from deployhub.registry.vocab import VersionState

VERSIONS_OFFERED = 100


class ExportNew(FormPage):
    """Choose a version, a format and its options. Choosing another format asks for the page again."""

    permission = "export.create"
    template_name = "conversion/export_new.html"
    form_class = ExportForm

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        self.catalogue = catalogue_current()
        return super().dispatch(request, *args, **kwargs)

    def version(self) -> ModelVersion | None:
        text = self.request.POST.get("version") or self.request.GET.get("version") or ""
        if not text:
            return None
        version_id = parse_id(text)
        if version_id is None:
            raise NotFound("There is no such version, or you have no access to it.")
        version = selectors.version_to_export(self.actor, version_id)
        policy.require(self.actor, "export.create", version)
        return version

    def entries(self, version: ModelVersion) -> list[dict[str, Any]]:
        """The formats as cards: what can be chosen first, the rest with the reason."""
        formats = (self.catalogue or {}).get("formats", [])
        cards = [{**entry, "obstacle": selectors.format_obstacle(entry, version)} for entry in formats]
        return sorted(cards, key=lambda card: bool(card["obstacle"]))

    def form(self, **kwargs: Any) -> ExportForm:
        version = self._version
        cards = self.entries(version)
        asked = self.request.POST.get("format") or self.request.GET.get("format") or ""
        usable = [card for card in cards if not card["obstacle"]]
        entry = next((card for card in usable if card["key"] == asked), usable[0])
        datasets = [
            (str(each.pk), str(each)) for each in selectors.calibration_sets(self.actor, version)[:100]
        ]
        return ExportForm(entry=entry, facts=selectors.source_facts(version), datasets=datasets, **kwargs)

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return self._answer(lambda: super(ExportNew, self).get(request, *args, **kwargs))

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return self._answer(lambda: super(ExportNew, self).post(request, *args, **kwargs))

    def _answer(self, go_on: Any) -> HttpResponse:
        """The form, or an honest page about why there is none."""
        version = self.version()
        if version is None:
            offered = list(selectors.versions_exportable(self.actor)[:VERSIONS_OFFERED])
            return self.page(stage="choose", versions=offered)
        self._version = version
        if version.state != VersionState.ACCEPTED:
            return self.page(stage="unready")
        if not any(not card["obstacle"] for card in self.entries(version)):
            return self.page(stage="no_format" if self.catalogue else "no_catalogue")
        return go_on()

    def context(self, **extra: Any) -> dict[str, Any]:
        version = getattr(self, "_version", None)
        if version is None:
            return extra
        cards = self.entries(version)
        chosen = extra["form"].entry["key"] if "form" in extra else ""
        for card in cards:
            card["is_chosen"] = card["key"] == chosen
        obstacles = [card for card in cards if card["obstacle"]]
        return {"stage": "form", **extra, "version": version, "cards": cards, "obstacles": obstacles}

    def act(self, form: ExportForm) -> str:
        asked = export_create(
            actor=self.actor,
            version=self._version,
            format_key=form.cleaned_data["format"],
            options=form.options(),
            calibration=selectors.calibration_get(
                self.actor, self._version, parse_id(form.cleaned_data.get("calibration") or "")
            ),
        )
        if asked.is_known:
            messages.info(
                self.request, "This exact export exists already; here it is. Nothing had to be computed."
            )
            return reverse("registry:artifact", args=[asked.export.artifact_id])
        if asked.is_joined:
            messages.info(self.request, "This exact export is being made already; here is its job.")
        return reverse("jobs:job", args=[asked.export.job_id])


class ArtifactReplay(Page):
    """The button that makes an artifact again, then shows the job."""

    permission = "artifact.replay"

    def post(self, request: HttpRequest, artifact_id: UUID) -> HttpResponse:
        artifact = artifact_get(self.actor, artifact_id)
        try:
            job = artifact_replay(actor=self.actor, artifact=artifact)
        except Conflict as refused:
            messages.warning(request, f"{refused.detail} {refused.hint}".strip())
            return HttpResponseRedirect(reverse("registry:artifact", args=[artifact.pk]))
        return HttpResponseRedirect(reverse("jobs:job", args=[job.pk]))
