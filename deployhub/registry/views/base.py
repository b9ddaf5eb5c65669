"""What the registry's pages share: lists that follow the project switcher, small acts, files that arrive."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict

from deployhub.access import policy
from deployhub.audit.models import AuditEvent
from deployhub.audit.scope import Auditable
from deployhub.audit.selectors import object_history
from deployhub.doors.keyset import keyset_page
from deployhub.doors.pages import FormPage, ListPage, Page
from deployhub.kernel.actor import Actor
from deployhub.kernel.errors import DeployHubError
from deployhub.registry import selectors
from deployhub.registry.models import Project, Upload
from deployhub.registry.services import uploads

HISTORY_SHOWN = 50


class RegistryList(ListPage):
    """A list that shows the switcher's project until a filter says otherwise. Each look is logged once."""

    of_project: ClassVar[bool] = True

    def filter_values(self) -> QueryDict:
        values = self.request.GET.copy()
        if self.of_project and "project" not in values and self.request.session.get("project"):
            values["project"] = self.request.session["project"]
        return values

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        selectors.list_record(self.actor, self.permission)
        filterset = self.filterset_class(self.filter_values(), queryset=self.queryset(), request=request)
        if not filterset.is_valid():
            return self.page(filterset=filterset, listing=None, status=400, is_filtered=True)
        listing = keyset_page(request, filterset.qs, sorts=self.sorts)
        is_filtered = any(
            value for key, value in request.GET.items() if key not in ("cursor", "sort", "limit", "project")
        )
        return self.page(filterset=filterset, listing=listing, is_filtered=is_filtered)


class Act(Page):
    """One button: carry a use case out, then go on to a page. What went wrong is told there."""

    done_message: ClassVar[str] = ""
    http_method_names = ["post", "options"]

    def act(self, **kwargs: Any) -> str:
        """Do it; returns the address to go to."""
        raise NotImplementedError

    def back(self, **kwargs: Any) -> str:
        """Where to go when it was refused."""
        raise NotImplementedError

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            target = self.act(**kwargs)
        except DeployHubError as error:
            if error.status not in (400, 409):
                raise
            messages.error(request, f"{error.detail} {error.hint}".strip())
            return HttpResponseRedirect(self.back(**kwargs))
        if self.done_message:
            messages.success(request, self.done_message)
        return HttpResponseRedirect(target)


class FilePage(FormPage):
    """A form around one file of one project."""

    def project(self) -> Project | None:
        return project_chosen(self.request, self.actor, self.permission)

    def upload_of(self, form: Any, project: Project) -> Upload:
        """The upload that the form names; one sent with the form itself is taken in now."""
        if form.cleaned_data.get("upload"):
            upload = selectors.upload_get(self.actor, form.cleaned_data["upload"])
            return uploads.upload_settle(actor=self.actor, upload=upload)
        sent = form.cleaned_data["file"]
        upload = uploads.upload_create(
            actor=self.actor, project=project, file_name=sent.name, size_bytes=sent.size
        )
        upload = uploads.upload_continue(actor=self.actor, upload=upload, offset_bytes=0, source=sent)
        self.arrived = upload
        return upload

    arrived: Upload | None = None

    def upload_shown(self, form: Any) -> Upload | None:
        """The upload that a form which came back holds already, so that nobody sends a file twice."""
        if self.arrived is not None:
            return self.arrived
        named = (getattr(form, "cleaned_data", None) or {}).get("upload")
        if not named:
            return None
        return selectors.uploads_visible(self.actor).filter(pk=named, state__in=["open", "complete"]).first()


def project_chosen(request: HttpRequest, actor: Actor, permission: str) -> Project | None:
    """The project of a form: from the address, else the switcher, else the only one there is."""
    choices = selectors.projects_for(actor, permission)
    slug = request.GET.get("project") or request.session.get("project", "")
    if slug:
        chosen = choices.filter(slug=slug).first()
        if chosen is not None:
            return chosen
    few = list(choices[:2])
    return few[0] if len(few) == 1 else None


def history_of(actor: Actor, obj: Auditable) -> list[AuditEvent] | None:
    """The object's own history, newest first; None when the actor may not read it."""
    if not policy.can(actor, "audit.history", obj):
        return None
    return list(object_history(obj)[:HISTORY_SHOWN])
