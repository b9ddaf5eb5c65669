"""Template filters: numbers as people read them, and what the actor may do."""

from __future__ import annotations

from typing import Any

from django import template

from deployhub.access import policy
from deployhub.kernel import units

register = template.Library()


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
    """'image_size_px' → 'image size px'."""
    return str(name).replace("_", " ")


@register.filter
def setting_text(value: Any) -> Any:
    """A switch as people say it; everything else as it is."""
    return {True: "on", False: "off"}[value] if isinstance(value, bool) else value


@register.simple_tag(takes_context=True)
def may(context: dict[str, Any], permission: str, obj: Any = None) -> bool:
    """Whether the person who looks may do this: `{% may "model.create" project as allowed %}`."""
    return policy.can(context["request"].actor, permission, obj)
