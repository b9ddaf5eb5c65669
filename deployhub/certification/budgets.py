"""Budgets: the fields come from the engine's catalogue, what a project allows is its own."""

from __future__ import annotations

from typing import Any

from deployhub.jobs.selectors import catalogue_current
from deployhub.kernel.errors import InvalidInput
from deployhub.registry.models import CertificateBudget, Project

PRECISIONS = ("fp32", "fp16", "int8")


def budget_fields() -> list[dict[str, Any]]:
    """What a budget can limit: name, label, unit, help, direction, minimum, maximum, and `default` by precision."""
    return list((catalogue_current() or {}).get("budget", []))


def budget_defaults(precision: str) -> dict[str, float]:
    return {
        field["name"]: field["default"][precision]
        for field in budget_fields()
        if field["default"].get(precision) is not None
    }


def budget_of(project: Project, precision: str) -> dict[str, float]:
    """The budget that artifacts of this precision are judged by: the defaults, and what the project set over them."""
    own = CertificateBudget.objects.filter(project=project, precision=precision).first()
    return {**budget_defaults(precision), **(own.values if own else {})}


def budget_checked(precision: str, values: dict[str, Any]) -> dict[str, float]:
    """`values` as numbers, without those that equal the default. Raises InvalidInput, by field."""
    if precision not in PRECISIONS:
        raise InvalidInput(
            "There is no such precision.", errors={"precision": [f"Choose one of {', '.join(PRECISIONS)}."]}
        )
    known = {field["name"]: field for field in budget_fields()}
    errors: dict[str, list[str]] = {}
    cleaned: dict[str, float] = {}
    for name, value in values.items():
        field = known.get(name)
        if field is None:
            errors[f"values.{name}"] = ["There is no such limit."]
            continue
        if value in (None, ""):
            continue
        try:
            number = float(value)
        except (TypeError, ValueError):
            errors[f"values.{name}"] = ["Enter a number."]
            continue
        # `not (a <= x <= b)` refuses NaN as well.
        if not field["minimum"] <= number <= field["maximum"]:
            errors[f"values.{name}"] = [f"Enter a number from {field['minimum']:g} to {field['maximum']:g}."]
        elif number != field["default"].get(precision):
            cleaned[name] = number
    if errors:
        raise InvalidInput("Some limits can't be used.", errors=errors)
    return cleaned
