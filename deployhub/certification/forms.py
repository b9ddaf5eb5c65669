"""Forms of certification."""

from __future__ import annotations

from typing import Any

from django import forms

from deployhub.registry.models import DatasetVersion


class CertifyForm(forms.Form):
    """Which evaluation set; an empty choice compares on drawn images."""

    dataset = forms.ChoiceField(required=False, label="Evaluation set")

    def __init__(self, *, datasets: list[DatasetVersion], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.fields["dataset"].choices = [  # type: ignore[attr-defined]
            *((str(one.pk), f"{one} ({one.image_count} images)") for one in datasets),
            ("", "None: compare outputs on drawn images only"),
        ]


class BudgetForm(forms.Form):
    """The limits of one precision; ranges are judged by the use case, which the API calls too."""

    precision = forms.CharField(max_length=10, widget=forms.HiddenInput)

    def __init__(self, *, limits: list[dict[str, Any]], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.limits = limits
        for limit in limits:
            self.fields[f"values.{limit['name']}"] = forms.CharField(
                required=False,
                max_length=20,
                label=limit["label"],
                initial="" if limit["value"] is None else f"{limit['value']:g}",
                widget=forms.NumberInput(
                    attrs={"min": limit["minimum"], "max": limit["maximum"], "step": "any"}
                ),
            )

    def values(self) -> dict[str, Any]:
        return {
            name.removeprefix("values."): value
            for name, value in self.cleaned_data.items()
            if name.startswith("values.")
        }

    def rows(self) -> list[tuple[Any, dict[str, Any]]]:
        """Bound fields with what they limit, in the catalogue's order."""
        return [(self[f"values.{limit['name']}"], limit) for limit in self.limits]
