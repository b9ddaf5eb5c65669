"""Exports of the log: the list, a new one, and the file."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from deployhub.audit.scope import event_record
from deployhub.doors.pages import FormPage, ListPage, Page
from deployhub.registry.downloads import Download, RangeDownload
from deployhub.review.filters import AuditExportFilter, query_kept, query_valid
from deployhub.review.forms.exports import ExportNewForm
from deployhub.review.selectors.exports import export_file, export_get, exports_visible
from deployhub.review.services.exports import export_create, export_remove


class ExportsPage(ListPage):
    permission = "audit.view"
    template_name = "review/exports.html"
    filterset_class = AuditExportFilter

    def queryset(self) -> QuerySet:
        event_record(self.actor, "audit.view", facts={"exports": [None, "list"]})
        return exports_visible(self.actor)


class ExportNewPage(FormPage):
    """Export what the search in this page's address finds."""

    permission = "audit.export"
    template_name = "review/export_new.html"
    form_class = ExportNewForm
    done_message = "A worker writes the file. It stands in this list when it is ready, for seven days."

    def form(self, **kwargs: Any) -> ExportNewForm:
        return ExportNewForm(query=query_kept(self.request.GET), **kwargs)

    def context(self, **extra: Any) -> dict[str, Any]:
        return {"query": query_kept(self.request.GET), **extra}

    def act(self, form: ExportNewForm) -> str:
        export_create(
            actor=self.actor,
            form=form.cleaned_data["form"],
            compressed=form.cleaned_data["compressed"],
            reason=form.cleaned_data["reason"],
            query=query_valid(form.query),
        )
        return reverse("review:exports")


class ExportFile(RangeDownload):
    permission = "audit.download"

    def download(self, audit_export_id: UUID) -> Download:
        export, blob = export_file(self.actor, audit_export_id)
        return Download.of_blob(export, blob, export.file_name)


class ExportRemovePage(Page):
    permission = "audit.export_remove"

    def post(self, request: HttpRequest, audit_export_id: UUID) -> HttpResponse:
        export_remove(actor=self.actor, export=export_get(self.actor, audit_export_id))
        messages.success(request, "The file is removed. The line stays, with its digest.")
        return HttpResponseRedirect(reverse("review:exports"))
