"""Template filters: numbers as people read them, and what the actor may do."""

from __future__ import annotations

from typing import Any

from django import template

from deployhub.access import policy
from deployhub.kernel import units

register = template.Library()

UNIT_OF_SUFFIX = {"_px": "px", "_percent": "%", "_ms": "ms"}
ABBREVIATIONS = {"nms": "NMS in the graph", "end to end": "NMS-free head"}


@register.filter
def size_text(size_bytes: int | None) -> str:
    return "—" if size_bytes is None else units.size_text(size_bytes)


@register.filter
def duration_text(seconds: float | None) -> str:
    return "—" if seconds is None else units.duration_text(seconds)


@register.filter
def count_text(number: float | None) -> str:
    return "—" if number is None else units.count_text(number)


@register.filter
def words_text(name: str) -> str:
    """'image_size_px' → 'Image size'; the unit stands with the number (setting_text)."""
    words = str(name)
    for suffix in UNIT_OF_SUFFIX:
        words = words.removesuffix(suffix)
    words = words.replace("_", " ")
    return ABBREVIATIONS.get(words, words[:1].upper() + words[1:])


@register.filter
def setting_text(value: Any, name: str = "") -> Any:
    """A switch as people say it, a number with the unit that its name ends in; everything else as it is."""
    if isinstance(value, bool):
        return "on" if value else "off"
    unit = next((unit for suffix, unit in UNIT_OF_SUFFIX.items() if str(name).endswith(suffix)), "")
    return f"{value} {unit}" if unit else value


@register.simple_tag(takes_context=True)
def may(context: dict[str, Any], permission: str, obj: Any = None) -> bool:
    """Whether the person who looks may do this: `{% may "model.create" project as allowed %}`."""
    return policy.can(context["request"].actor, permission, obj)


METRIC_WORDS = {
    "map50_95": "mAP50-95", "map50": "mAP50", "mask_map50_95": "Mask mAP50-95", "mask_map50": "Mask mAP50",
    "pose_map50_95": "Pose mAP50-95", "pose_map50": "Pose mAP50", "top1": "Top-1 accuracy", "top5": "Top-5 accuracy",
}  # fmt: skip


@register.filter
def metric_text(name: str) -> str:
    """'map50_95' → 'mAP50-95'."""
    return METRIC_WORDS.get(name, name.replace("_", " "))


@register.filter
def signed_text(value: float | None) -> str:
    """'+0.0012', '−0.0300', '0.0000': the sign is always said, for a difference."""
    if value is None:
        return "—"
    if round(value, 4) == 0:
        return "0.0000"
    return f"{'+' if value > 0 else '−'}{abs(value):.4f}"
