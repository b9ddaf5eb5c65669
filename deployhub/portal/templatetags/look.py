"""Template filters the components need: how times, names, series and sort links are written."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django import template
from django.utils import timezone

register = template.Library()

SPARKLINE_WIDTH, SPARKLINE_HEIGHT, SPARKLINE_MARGIN = 100, 24, 2
"""Units of the sparkline's own SVG box."""

_STEPS = ((31_557_600, "year"), (2_629_800, "month"), (86_400, "day"), (3_600, "hour"), (60, "minute"))


@register.filter
def ago(at: datetime | None) -> str:
    """'3 minutes ago', 'in 2 days', 'just now'; clock.js writes the same words while the page stays open."""
    if at is None:
        return ""
    seconds = (timezone.now() - at).total_seconds()
    for length, unit in _STEPS:
        count = int(abs(seconds) // length)
        if count:
            words = f"{count} {unit}{'' if count == 1 else 's'}"
            return f"{words} ago" if seconds > 0 else f"in {words}"
    return "just now"


@register.filter
def utc_iso(at: datetime | None) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds") if at else ""


@register.filter
def utc_text(at: datetime | None) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC" if at else ""


@register.filter
def initials(name: Any) -> str:
    """'Ada Lovelace' → 'AL', 'ada@site.org' → 'AD', '' → '?'."""
    words = re.findall(r"\w+", str(name or "").split("@")[0])
    if len(words) > 1:
        return f"{words[0][0]}{words[-1][0]}".upper()
    return words[0][:2].upper() if words else "?"


@register.filter
def sparkline_points(values: Any) -> str:
    """'3,5,2' or [3, 5, 2] → the points of an SVG polyline, first value left, highest value on top."""
    parts = values.split(",") if isinstance(values, str) else list(values or ())
    numbers = [float(part) for part in parts if str(part).strip()]
    if len(numbers) < 2:
        numbers = (numbers or [0.0]) * 2
    low, high = min(numbers), max(numbers)
    room = SPARKLINE_HEIGHT - 2 * SPARKLINE_MARGIN
    step = SPARKLINE_WIDTH / (len(numbers) - 1)
    return " ".join(
        f"{index * step:.1f},{SPARKLINE_MARGIN + room * (1 - ((number - low) / (high - low) if high > low else 0.5)):.1f}"
        for index, number in enumerate(numbers)
    )


@register.filter
def pattern_quote(text: Any) -> str:
    """A text as the `pattern` of an input that accepts just this text (a browser compiles it with the v flag)."""
    return re.sub(r"[\\^$.*+?()\[\]{}|/]", lambda hit: "\\" + hit.group(), str(text))


@register.simple_tag
def sort_state(sort: str, current: str) -> str:
    """The value of aria-sort for a column: 'ascending', 'descending', or '' when the list is not sorted by it."""
    return {sort: "ascending", f"-{sort}": "descending"}.get(current, "")


@register.simple_tag(takes_context=True)
def sort_link(context: dict[str, Any], param: str, sort: str, current: str) -> str:
    """The address of this page sorted by `sort`, the other way round when it already is; back on the first page."""
    return query_with(context, **{param: f"-{sort}" if current == sort else sort})


@register.simple_tag(takes_context=True)
def query_with(context: dict[str, Any], **changes: Any) -> str:
    """This page's query with some parameters set, or dropped where the value is empty; always without `cursor`."""
    request = context.get("request")
    query = {key: values for key, values in request.GET.lists() if key != "cursor"} if request else {}
    for key, value in changes.items():
        query.pop(key, None)
        if value not in (None, ""):
            query[key] = [str(value)]
    return f"?{urlencode(query, doseq=True)}"


@register.simple_tag
def minutes_ago(count: int) -> datetime:
    """A moment for the examples of the style page."""
    return timezone.now() - timedelta(minutes=count)
