"""Check export options against the catalogue, before a worker is bothered. Standard library only.

The web world and the engine both call `options_validate`, so that they can't disagree.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

TRUE_WORDS = frozenset({"true", "on", "yes", "1"})
FALSE_WORDS = frozenset({"false", "off", "no", "0", ""})
SOURCE_PREFIX = "source."
GENERAL = "__all__"


class OptionsInvalid(Exception):
    """Some options can't be used. `errors` maps an option's name (or `__all__`) to its sentences."""

    def __init__(self, errors: dict[str, list[str]]) -> None:
        self.errors = errors
        super().__init__(" ".join(sentence for sentences in errors.values() for sentence in sentences))


def options_validate(
    format_entry: Mapping[str, Any],
    values: Mapping[str, Any],
    *,
    source: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Clean `values` for one format of the catalogue: types, ranges, defaults, conflicts.

    source: what is known of the source model (`kind`, `task`, `image_size_px`, `stride`,
    `end_to_end_head`); conflicts that need an unknown fact are left to the engine.
    Returns every option of the format, with its default where nothing was given.
    Raises OptionsInvalid with all problems at once.
    """
    facts = source or {}
    declared = {option["name"]: option for option in format_entry["options"]}
    errors: dict[str, list[str]] = {}
    for name in values:
        if name not in declared:
            errors[name] = [
                f"{format_entry['label']} has no option named {name!r}. It knows: {', '.join(sorted(declared))}."
            ]
    cleaned: dict[str, Any] = {}
    for name, option in declared.items():
        given = values.get(name)
        if given is None:
            cleaned[name] = _default(option, facts)
            if option.get("required") and cleaned[name] is None:
                errors[name] = [f"{option['label']} is needed. Give it a value."]
            continue
        try:
            cleaned[name] = _clean(option, given, stride=facts.get("stride"))
        except ValueError as error:
            errors[name] = [str(error)]
    if not errors:
        for conflict in conflicts_find(format_entry, cleaned, source=facts):
            errors.setdefault(_field_of(conflict), []).append(conflict["message"])
    if errors:
        raise OptionsInvalid(errors)
    return cleaned


def conflicts_find(
    format_entry: Mapping[str, Any], values: Mapping[str, Any], *, source: Mapping[str, Any] | None = None
) -> list[dict[str, Any]]:
    """List the declared conflicts that hold for `values`. A list in `when` means any of its values."""
    facts = source or {}

    def holds(key: str, wanted: Any) -> bool:
        if key.startswith(SOURCE_PREFIX):
            actual = facts.get(key.removeprefix(SOURCE_PREFIX))
            if actual is None:
                return False
        else:
            actual = values.get(key)
        return actual in wanted if isinstance(wanted, list | tuple) else actual == wanted

    return [
        conflict
        for conflict in format_entry["conflicts"]
        if all(holds(key, wanted) for key, wanted in conflict["when"].items())
    ]


def _field_of(conflict: Mapping[str, Any]) -> str:
    """The option under which a form shows a conflict: the last one that it names."""
    names = [key for key in conflict["when"] if not key.startswith(SOURCE_PREFIX)]
    return names[-1] if names else GENERAL


def _default(option: Mapping[str, Any], facts: Mapping[str, Any]) -> Any:
    wanted = option.get("default_from")
    found = facts.get(wanted) if wanted else None
    if isinstance(found, list | tuple):
        found = max(found, default=None)
    if found is not None:
        try:
            return _clean(option, found, stride=facts.get("stride"))
        except ValueError:
            return option["default"]
    return option["default"]


def _clean(option: Mapping[str, Any], given: Any, *, stride: Any = None) -> Any:
    match option["type"]:
        case "boolean":
            return _clean_boolean(option, given)
        case "integer":
            return _clean_integer(option, given, stride=stride)
        case "choice":
            return _clean_choice(option, given)
        case unknown:
            raise ValueError(f"{option['label']} has a type that this version does not know: {unknown}.")


def _clean_boolean(option: Mapping[str, Any], given: Any) -> bool:
    if isinstance(given, bool):
        return given
    word = str(given).strip().lower()
    if word in TRUE_WORDS:
        return True
    if word in FALSE_WORDS:
        return False
    raise ValueError(f"{option['label']} is either on or off; {_shown(given)} is neither.")


def _clean_integer(option: Mapping[str, Any], given: Any, *, stride: Any) -> int:
    label, unit = option["label"], option.get("unit") or ""
    try:
        if isinstance(given, bool) or (isinstance(given, float) and not given.is_integer()):
            raise ValueError
        number = int(given)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"{label} is a whole number; {_shown(given)} is not one.") from None
    minimum, maximum = option.get("minimum"), option.get("maximum")
    if minimum is not None and number < minimum:
        raise ValueError(f"{label} is at least {_amount(minimum, unit)}; {number} is too small.")
    if maximum is not None and number > maximum:
        raise ValueError(f"{label} is at most {_amount(maximum, unit)}; {number} is too large.")
    step = option.get("multiple_of")
    if step and stride and option["name"] == "image_size_px":
        step = max(int(step), int(stride))
    if step and number % step:
        lower = max(number // step * step, step)
        raise ValueError(f"{label} is a multiple of {_amount(step, unit)}; try {lower} or {lower + step}.")
    return number


def _clean_choice(option: Mapping[str, Any], given: Any) -> Any:
    choices = [choice["value"] if isinstance(choice, Mapping) else choice for choice in option["choices"]]
    for choice in choices:
        if given == choice or str(given) == str(choice):
            return choice
    raise ValueError(f"{option['label']} is one of {', '.join(map(str, choices))}; {_shown(given)} is not.")


def _amount(number: int, unit: str) -> str:
    return f"{number} {unit.removesuffix('s') if number == 1 else unit}".strip()


def _shown(given: Any) -> str:
    text = repr(given)
    return text if len(text) <= 40 else text[:37] + "…"
