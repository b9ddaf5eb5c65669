"""CSV (RFC 4180) for spreadsheets, which take a cell that begins with = + - @ for a formula: those are defused."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

from deployhub.audit.models import AuditEvent
from deployhub.review.writers.json_lines import COLUMNS, row

FORMULA_BEGINNINGS = ("=", "+", "-", "@", "\t", "\r", "\n")


def cell(value: Any) -> str:
    """A cell that no spreadsheet computes: an apostrophe before what would be a formula."""
    if value is None:
        return ""
    text = json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else str(value)
    text = text.replace("\0", "")
    # Spreadsheets skip spaces before they look.
    return f"'{text}" if text.lstrip(" ").startswith(FORMULA_BEGINNINGS) else text


def _written(cells: list[str]) -> str:
    sink = io.StringIO()
    csv.writer(sink, lineterminator="\r\n").writerow(cells)
    return sink.getvalue()


HEAD = _written(list(COLUMNS))


def line(event: AuditEvent) -> str:
    return _written([cell(value) for value in row(event).values()])
