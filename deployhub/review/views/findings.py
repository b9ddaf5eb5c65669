"""The queue of findings, and one finding with what may be done about it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from deployhub.doors.pages import ListPage, Page
from deployhub.kernel.errors import DeployHubError, InvalidInput
from deployhub.registry.models import Project
from deployhub.review.filters import FindingFilter
from deployhub.review.forms.findings import (
    CloseForm,
    CommentForm,
    LinkForm,
    OwnerForm,
    ReasonForm,
    ReviewForm,
)
from deployhub.review.models import Finding
from deployhub.review.rules import RULES
from deployhub.review.selectors.events import events_by_id
from deployhub.review.selectors.findings import (
    finding_get,
    finding_history,
    finding_read,
    findings_read,
    review_state,
    reviewers,
    rule_face,
)
from deployhub.review.services.findings import (
    finding_assign,
    finding_close,
    finding_comment,
    finding_link,
    finding_reopen,
)
from deployhub.review.services.reviews import review_record

HISTORY_LINES = 12
EVENTS_SHOWN = 25


class FindingsPage(ListPage):
    permission = "finding.view"
    template_name = "review/findings.html"
    filterset_class = FindingFilter
    sorts = ("last_at", "created_at")

    def queryset(self) -> QuerySet:
        return findings_read(self.actor)

    def context(self, **extra: Any) -> dict[str, Any]:
        labels = {key: rule.label for key, rule in RULES.items()}
        listing = extra.get("listing")
        rows = [
            {"finding": finding, "label": labels.get(finding.rule, finding.rule)}
            for finding in (listing.rows if listing else ())
        ]
        owners = [("none", "Nobody's"), *((user.username, str(user)) for user in reviewers())]
        return {"rows": rows, "state": review_state(), "owners": owners, "tab": "findings", **extra}


class _FindingShown(Page):
    template_name = "review/finding.html"

    def shown(self, finding: Finding, *, status: int = 200, **forms: Any) -> HttpResponse:
        events = events_by_id(finding.event_ids[:EVENTS_SHOWN])
        projects = Project.objects.filter(pk__in={event.project_id for event in events if event.project_id})
        face = rule_face(finding.rule) if finding.rule in RULES else None
        thresholds = [
            {"label": one.label, "unit": one.unit, "value": finding.thresholds.get(one.name)}
            for one in (face.thresholds if face is not None else ())
        ]
        return self.page(
            status=status,
            finding=finding,
            face=face,
            thresholds=thresholds,
            numbers=[(name.replace("_", " "), value) for name, value in finding.numbers.items()],
            hours=_hours_text(finding.usual.get("hours_utc", [])),
            events=events,
            projects=dict(projects.values_list("pk", "name")),
            comments=finding.comments.all(),
            history=finding_history(finding)[:HISTORY_LINES],
            owners=[(user.username, str(user)) for user in reviewers() if not finding.is_about(user.pk)],
            is_about_me=finding.is_about(self.actor.user_id),
            **{"close_form": CloseForm(), "comment_form": CommentForm(), "link_form": LinkForm(),
               "reason_form": ReasonForm(), **forms},
        )  # fmt: skip


class FindingPage(_FindingShown):
    permission = "finding.view"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return self.shown(finding_read(self.actor, self.kwargs["finding_id"]))


def _hours_text(hours: list[int]) -> str:
    """[8, 9, 10, 22] → "08–11, 22–23": each hour as the time it spans."""
    spans: list[list[int]] = []
    for hour in hours:
        if spans and spans[-1][1] == hour:
            spans[-1][1] = hour + 1
        else:
            spans.append([hour, hour + 1])
    return ", ".join(f"{begin:02}–{end:02}" for begin, end in spans)


class _FindingAct(_FindingShown):
    """A form on the finding's page. What is wrong with it comes back there; nothing typed is lost."""

    form_class: type[Any]
    form_name = ""
    done = ""

    def act(self, finding: Finding, cleaned: dict[str, Any]) -> None:
        raise NotImplementedError

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        finding = finding_get(self.actor, self.kwargs["finding_id"])
        form = self.form_class(data=request.POST)
        if form.is_valid():
            try:
                self.act(finding, form.cleaned_data)
            except DeployHubError as error:
                if error.status in (401, 404, 503):
                    raise
                form.add_error(None, f"{error.detail} {error.hint}".strip())
                status = 422 if isinstance(error, InvalidInput) else error.status
                fresh = finding_get(self.actor, finding.pk)
                return self.shown(fresh, status=status, **{self.form_name: form, "problem": form})
            messages.success(request, self.done)
            return HttpResponseRedirect(reverse("review:finding", args=[finding.pk]))
        return self.shown(finding, status=422, **{self.form_name: form, "problem": form})


class FindingClose(_FindingAct):
    permission = "finding.close"
    form_class, form_name, done = CloseForm, "close_form", "Signed off."

    def act(self, finding: Finding, cleaned: dict[str, Any]) -> None:
        finding_close(actor=self.actor, finding=finding, **cleaned)


class FindingReopen(_FindingAct):
    permission = "finding.update"
    form_class, form_name, done = ReasonForm, "reason_form", "Open again."

    def act(self, finding: Finding, cleaned: dict[str, Any]) -> None:
        finding_reopen(actor=self.actor, finding=finding, **cleaned)


class FindingCommentAdd(_FindingAct):
    permission = "finding.update"
    form_class, form_name, done = CommentForm, "comment_form", "Comment added."

    def act(self, finding: Finding, cleaned: dict[str, Any]) -> None:
        finding_comment(actor=self.actor, finding=finding, **cleaned)


class FindingLink(_FindingAct):
    permission = "finding.update"
    form_class, form_name, done = LinkForm, "link_form", "Event linked."

    def act(self, finding: Finding, cleaned: dict[str, Any]) -> None:
        finding_link(actor=self.actor, finding=finding, **cleaned)


class FindingAssign(_FindingAct):
    permission = "finding.update"
    form_class, form_name, done = OwnerForm, "owner_form", "Given to them."

    def act(self, finding: Finding, cleaned: dict[str, Any]) -> None:
        finding_assign(actor=self.actor, finding=finding, username=cleaned["owner"])


class ReviewRecord(Page):
    """The button "I have reviewed"."""

    permission = "review.record"

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        form = ReviewForm(data=request.POST)
        if not form.is_valid():
            raise InvalidInput("The note is too long.", hint="500 characters at most.")
        review_record(actor=self.actor, **form.cleaned_data)
        messages.success(request, "Your review is recorded.")
        return HttpResponseRedirect(reverse("review:findings"))
