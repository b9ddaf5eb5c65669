"""How long the log is kept, legal holds, and the erasure of a person."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponseBase
from django.urls import reverse

from deployhub.accounts.selectors import user_get
from deployhub.audit.scope import event_record
from deployhub.doors.pages import FormPage
from deployhub.review.forms.retention import ErasureForm, HoldForm, ReleaseForm, RetentionForm
from deployhub.review.selectors.exports import exports_visible
from deployhub.review.selectors.retention import (
    events_of_person,
    hold_get,
    holds_on_person,
    holds_visible,
    retention_classes,
)
from deployhub.review.services.erasure import person_erase
from deployhub.review.services.retention import hold_place, hold_release, retention_update
from deployhub.review.vocab import ExportKind


class RetentionPage(FormPage):
    """Times and holds, with what would be removed now."""

    permission = "retention.view"
    template_name = "review/retention.html"
    form_class = RetentionForm
    done_message = "The time is changed. It takes hold at the next run, within an hour."

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        event_record(self.actor, "retention.view")
        return super().get(request, *args, **kwargs)

    def context(self, **extra: Any) -> dict[str, Any]:
        return {"classes": retention_classes(), "holds": holds_visible(self.actor)[:100], **extra}

    def act(self, form: RetentionForm) -> str:
        retention_update(actor=self.actor, **form.cleaned_data)
        return reverse("review:retention")


class HoldNewPage(FormPage):
    permission = "hold.place"
    template_name = "review/hold_form.html"
    form_class = HoldForm
    done_message = "The hold is placed: what it covers is neither removed nor erased."

    def act(self, form: HoldForm) -> str:
        hold_place(actor=self.actor, **form.cleaned_data)
        return reverse("review:retention")


class HoldReleasePage(FormPage):
    permission = "hold.release"
    template_name = "review/hold_form.html"
    form_class = ReleaseForm
    done_message = "The hold is released."

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        self.hold_id: UUID = kwargs["hold_id"]
        return super().dispatch(request, *args, **kwargs)

    def context(self, **extra: Any) -> dict[str, Any]:
        return {"hold": hold_get(self.actor, self.hold_id), **extra}

    def act(self, form: ReleaseForm) -> str:
        hold_release(
            actor=self.actor, hold=hold_get(self.actor, self.hold_id), reason=form.cleaned_data["reason"]
        )
        return reverse("review:retention")


class ErasurePage(FormPage):
    """Says what an erasure does, and does it once the account's name was typed."""

    permission = "person.erase"
    template_name = "review/erasure.html"
    form_class = ErasureForm
    done_message = "The person is erased. The log tells that it happened, and not who it was."

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        self.user_id: UUID = kwargs["user_id"]
        return super().dispatch(request, *args, **kwargs)

    def form(self, **kwargs: Any) -> ErasureForm:
        return ErasureForm(username=user_get(self.actor, self.user_id).username, **kwargs)

    def context(self, **extra: Any) -> dict[str, Any]:
        exports = exports_visible(self.actor).exclude(blob=None)
        return {
            "person": user_get(self.actor, self.user_id),
            "event_count": events_of_person(self.user_id).count(),
            "holds": holds_on_person(self.user_id),
            "export_count": exports.filter(kind=ExportKind.EXPORT).count(),
            "archive_count": exports.filter(kind=ExportKind.ARCHIVE).count(),
            **extra,
        }

    def act(self, form: ErasureForm) -> str:
        person_erase(
            actor=self.actor, user=user_get(self.actor, self.user_id), reason=form.cleaned_data["reason"]
        )
        return reverse("review:retention")
