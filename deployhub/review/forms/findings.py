"""Forms of findings and rules."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from django import forms

from deployhub.review.services.tuning import TEXT_CHARACTERS_MAX
from deployhub.review.watch.rule import Rule
from deployhub.review.watch.vocab import MUTE_DAYS_MAX, Verdict

_LINES = {"rows": 3}


class CloseForm(forms.Form):
    state = forms.ChoiceField(label="Verdict", choices=Verdict.choices)
    reason = forms.CharField(
        label="Reason",
        max_length=500,
        widget=forms.Textarea(attrs=_LINES),
        help_text="How you came to it. It stays.",
    )


class ReasonForm(forms.Form):
    reason = forms.CharField(label="Reason", max_length=300, widget=forms.Textarea(attrs=_LINES))


class CommentForm(forms.Form):
    text = forms.CharField(label="Comment", max_length=2000, widget=forms.Textarea(attrs=_LINES))


class LinkForm(forms.Form):
    event_id = forms.IntegerField(label="Number of the event", min_value=1, max_value=2**63 - 1)
    note = forms.CharField(label="Note", max_length=500, required=False)


class OwnerForm(forms.Form):
    owner = forms.CharField(max_length=60, required=False)


class MuteForm(forms.Form):
    days = forms.IntegerField(
        label="Days", min_value=1, max_value=MUTE_DAYS_MAX, initial=7, help_text="The mute ends by itself."
    )
    reason = forms.CharField(label="Reason", max_length=300)


class ReviewForm(forms.Form):
    note = forms.CharField(label="Note", max_length=500, required=False)


class ThresholdsForm(forms.Form):
    """The thresholds of one rule, as its file tells them."""

    reason = forms.CharField(
        label="Reason", max_length=300, help_text="Stands in the audit log beside the old and the new value."
    )

    def __init__(self, rule: Rule, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        made: dict[str, forms.Field] = {}
        for entry in fields(rule.limits):
            told = entry.metadata
            if isinstance(entry.default, bool):
                made[entry.name] = forms.BooleanField(
                    label=told["label"], help_text=told["help"], required=False
                )
            elif isinstance(entry.default, int):
                made[entry.name] = forms.IntegerField(
                    label=f"{told['label']} ({told['unit']})" if told["unit"] else told["label"],
                    help_text=f"{told['help']} By default {entry.default}.".strip(),
                    min_value=told["least"],
                    max_value=told["most"],
                )
            else:
                made[entry.name] = forms.CharField(
                    label=told["label"],
                    help_text=told["help"],
                    max_length=TEXT_CHARACTERS_MAX,
                    required=False,
                )
        self.fields = {**made, **self.fields}
        self.thresholds = list(made)
