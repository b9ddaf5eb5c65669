"""The export form: its fields come from the engine's catalogue."""

from __future__ import annotations

from typing import Any

from django import forms

OPTION_PREFIX = "options."


class NumberOption(forms.CharField):
    """A number that the use case judges; shown as needed, though what is left out takes its default."""

    def validate(self, value: str) -> None:
        pass


class ChoiceOption(forms.ChoiceField):
    def validate(self, value: str) -> None:
        if value:
            super().validate(value)


class ExportForm(forms.Form):
    """The options of one format. Ranges and conflicts are judged by the use case, which the API calls too."""

    format = forms.CharField(max_length=40, widget=forms.HiddenInput)

    calibration = forms.UUIDField(required=False)

    def __init__(
        self, *, entry: dict[str, Any], facts: dict[str, Any], datasets: list[tuple[str, str]], **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.entry = entry
        if wanted := entry.get("calibration"):
            nothing = [] if wanted == "needed" else [("", "None")]
            self.fields["calibration"] = ChoiceOption(
                label="Calibration set",
                help_text="Images of the project that tell the quantiser the range of real inputs."
                if datasets
                else "This project has no dataset yet. Upload one first.",
                choices=[*nothing, *datasets],
                required=wanted == "needed",
            )
        else:
            del self.fields["calibration"]
        self.fields["format"].initial = entry["key"]
        for option in entry["options"]:
            self.fields[OPTION_PREFIX + option["name"]] = _field(option, facts)

    @property
    def units(self) -> dict[str, str]:
        return {OPTION_PREFIX + option["name"]: option.get("unit") or "" for option in self.entry["options"]}

    def options(self) -> dict[str, Any]:
        """What was filled in, by option name; an empty field takes its default."""
        return {
            name.removeprefix(OPTION_PREFIX): value
            for name, value in self.cleaned_data.items()
            if name.startswith(OPTION_PREFIX) and value != ""
        }

    def option_rows(self) -> list[tuple[Any, str]]:
        """Bound fields with their units, in the catalogue's order."""
        rows: list[tuple[Any, str]] = [(self[name], unit) for name, unit in self.units.items()]
        return [(self["calibration"], ""), *rows] if "calibration" in self.fields else rows


def _field(option: dict[str, Any], facts: dict[str, Any]) -> forms.Field:
    default = option_default(option, facts)
    common: dict[str, Any] = {"label": option["label"], "initial": default}
    match option["type"]:
        case "boolean":
            return forms.BooleanField(required=False, help_text=option["help"], **common)
        case "choice":
            choices = [(str(choice), str(choice).upper() if option["name"] == "precision" else str(choice))
                       for choice in option["choices"]]  # fmt: skip
            return ChoiceOption(help_text=option["help"], choices=choices, **common)
        case _:
            limits = {
                name: value
                for name, value in (
                    ("min", option.get("minimum")),
                    ("max", option.get("maximum")),
                    ("step", option.get("multiple_of")),
                )
                if value is not None
            }
            # A plain text field behind a number input: the use case says what is wrong, in the same words as the API.
            return NumberOption(
                help_text=f"{option['help']} {range_words(option)}".strip(),
                max_length=20,
                widget=forms.NumberInput(attrs=limits),
                **common,
            )


def option_default(option: dict[str, Any], facts: dict[str, Any]) -> Any:
    """What the option is when nothing is given: what the source knows of itself, else the format's default."""
    found = facts.get(option.get("default_from") or "")
    if isinstance(found, list):
        found = max(found, default=None)
    return option["default"] if found is None else found


def range_words(option: dict[str, Any]) -> str:
    """'32 to 4096 px, in steps of 32.'"""
    minimum, maximum, step = (option.get(name) for name in ("minimum", "maximum", "multiple_of"))
    if minimum is None or maximum is None:
        return ""
    words = f"{minimum} to {maximum} {option.get('unit') or ''}".strip()
    return f"{words}, in steps of {step}." if step else f"{words}."
