"""The rules: what each looks for, its thresholds, and whether it is muted. And the digests."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from deployhub.doors.pages import FormPage, ListPage, Page
from deployhub.review.filters import DigestFilter
from deployhub.review.forms.findings import MuteForm, ThresholdsForm
from deployhub.review.selectors.findings import (
    RuleFace,
    digest_read,
    digests_read,
    review_state,
    rule_face,
    rule_get,
    rule_read,
    rules_read,
)
from deployhub.review.services.tuning import rule_mute, rule_tune, rule_unmute


class RulesPage(Page):
    permission = "rule.view"
    template_name = "review/rules.html"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return self.page(faces=rules_read(self.actor), state=review_state(), tab="rules")


class RulePage(FormPage):
    """One rule; its form tunes the thresholds."""

    permission = "rule.view"
    template_name = "review/rule.html"
    form_class = ThresholdsForm
    done_message = "Saved. The thresholds hold for events from now on."

    @cached_property
    def face(self) -> RuleFace:
        key = self.kwargs["rule"]
        return rule_read(self.actor, key) if self.request.method == "GET" else rule_face(key)

    def form(self, **kwargs: Any) -> ThresholdsForm:
        return ThresholdsForm(
            self.face.rule, initial={one.name: one.value for one in self.face.thresholds}, **kwargs
        )

    def context(self, **extra: Any) -> dict[str, Any]:
        form: ThresholdsForm | None = extra.get("form")
        limits = [form[name] for name in form.thresholds] if form is not None else []
        return {"face": self.face, "limits": limits, "mute_form": MuteForm(), "tab": "rules", **extra}

    def act(self, form: ThresholdsForm) -> str:
        given = {name: form.cleaned_data[name] for name in form.thresholds}
        rule_tune(
            actor=self.actor,
            rule=rule_get(self.kwargs["rule"]),
            thresholds=given,
            reason=form.cleaned_data["reason"],
        )
        return reverse("review:rule", args=[self.kwargs["rule"]])


class RuleMute(Page):
    permission = "rule.mute"

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        rule = rule_get(self.kwargs["rule"])
        form = MuteForm(data=request.POST)
        if not form.is_valid():
            face = rule_face(rule.key)
            limits = ThresholdsForm(rule, initial={one.name: one.value for one in face.thresholds})
            return self.page(
                template="review/rule.html", status=422, face=face, form=limits, mute_form=form, tab="rules",
                limits=[limits[name] for name in limits.thresholds],
            )  # fmt: skip
        setting = rule_mute(actor=self.actor, rule=rule, **form.cleaned_data)
        messages.success(request, f"Muted until {setting.muted_until:%d %B %Y, %H:%M} UTC.")
        return HttpResponseRedirect(reverse("review:rule", args=[rule.key]))


class RuleUnmute(Page):
    permission = "rule.mute"

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        rule = rule_get(self.kwargs["rule"])
        rule_unmute(actor=self.actor, rule=rule)
        messages.success(request, "The rule is heard again.")
        return HttpResponseRedirect(reverse("review:rule", args=[rule.key]))


class DigestsPage(ListPage):
    permission = "digest.view"
    template_name = "review/digests.html"
    filterset_class = DigestFilter

    def queryset(self) -> QuerySet:
        return digests_read(self.actor)

    def context(self, **extra: Any) -> dict[str, Any]:
        return {"tab": "digests", **extra}


class DigestPage(Page):
    permission = "digest.view"
    template_name = "review/digest.html"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return self.page(digest=digest_read(self.actor, self.kwargs["digest_id"]), tab="digests")
