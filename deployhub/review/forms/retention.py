"""Forms of retention, holds and erasure."""

from __future__ import annotations

from typing import Any

from django import forms

from deployhub.review.vocab import NEVER_PRUNED, RETENTION_DAYS, SHORTEST_RETENTION_DAYS, ActionGroup


class RetentionForm(forms.Form):
    group = forms.ChoiceField(
        choices=[(group, ActionGroup(group).label) for group in RETENTION_DAYS if group not in NEVER_PRUNED],
        label="Events",
    )
    keep_days = forms.IntegerField(
        required=False,
        min_value=SHORTEST_RETENTION_DAYS,
        max_value=36_500,
        label="Kept for",
        help_text="Empty: for ever.",
    )
    reason = forms.CharField(max_length=500, label="Reason")


class HoldForm(forms.Form):
    reason = forms.CharField(max_length=500, label="Reason", help_text="The case it is for.")
    person_id = forms.UUIDField(required=False, label="Account id")
    project_id = forms.UUIDField(required=False, label="Project id")
    object_type = forms.CharField(required=False, max_length=40, label="Kind of object")
    object_id = forms.CharField(required=False, max_length=64, label="Object id")
    since = forms.DateTimeField(required=False, label="From (UTC)")
    until = forms.DateTimeField(required=False, label="Before (UTC)")


class ReleaseForm(forms.Form):
    reason = forms.CharField(max_length=500, label="Reason", help_text="Why it may end.")


class ErasureForm(forms.Form):
    """`typed` must repeat the account's name: it cannot be undone."""

    reason = forms.CharField(
        max_length=500,
        label="Reason",
        help_text="Who asked for it, and when. Leave the person's name out: this stays.",
    )
    typed = forms.CharField(label="Account name", help_text="Type the account's name to go on.")

    def __init__(self, *args: Any, username: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.username = username

    def clean_typed(self) -> str:
        if self.cleaned_data["typed"] != self.username:
            raise forms.ValidationError("This is not the account's name.")
        return self.username
