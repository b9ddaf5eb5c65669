"""Forms of exports and saved searches."""

from __future__ import annotations

from typing import Any

from django import forms

from deployhub.review.vocab import ExportForm


class QueryForm(forms.Form):
    """A form beside a search: the search comes along as hidden fields of its own names, and is checked elsewhere."""

    def __init__(self, *args: Any, query: dict[str, str] | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.query = query or {}


class ExportNewForm(QueryForm):
    form = forms.ChoiceField(choices=ExportForm.choices, label="Form", initial=ExportForm.JSON_LINES)
    compressed = forms.BooleanField(required=False, label="Compress with gzip")
    reason = forms.CharField(
        max_length=500, label="Reason", help_text="What it is for. It is kept in the log with the search."
    )


class SearchSaveForm(QueryForm):
    name = forms.CharField(
        max_length=80, label="Name", help_text="The same name again replaces the earlier search."
    )
    shared = forms.BooleanField(required=False, label="Show it to everybody who may read the audit log")
