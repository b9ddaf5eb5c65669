"""Forms in which events leave the log, one file each. Each is a stream: a head, and then one text per event."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from deployhub.audit.models import AuditEvent
from deployhub.review.vocab import ExportForm
from deployhub.review.writers import cef, csv_table, json_lines, ocsf


@dataclass(frozen=True, slots=True)
class Writer:
    """`head` comes first, once; `line` writes one event, its line end included."""

    suffix: str
    line: Callable[[AuditEvent], str]
    head: str = ""


WRITERS: dict[str, Writer] = {
    ExportForm.JSON_LINES: Writer(".jsonl", json_lines.line),
    ExportForm.CSV: Writer(".csv", csv_table.line, head=csv_table.HEAD),
    ExportForm.CEF: Writer(".cef", cef.line),
    ExportForm.OCSF: Writer(".ocsf.jsonl", ocsf.line),
}
