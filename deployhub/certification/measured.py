"""What the engine measured, read again by the parent and judged here: the engine ran an untrusted model.

The engine tells values; whether they hold is worked out from the budget that this side asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from deployhub.certification.vocab import DETECTIONS_SHOWN_MAX, LINES_MAX, VIEWED_MAX
from deployhub.kernel.canonical import canonical_json
from deployhub.registry.outputs import RESULT_JSON_MAX_CHARACTERS, OutputInvalid, plain
from deployhub.registry.vocab import CertificateOutcome

VIEWED_JSON_MAX_CHARACTERS = 2 * 1024 * 1024
JUDGED_CHECKS = ("tensors", "detections", "task_metric")
"""What a certificate has to have judged, one line at least; size and speed alone prove nothing."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A certificate's content in bounded plain values; see `engine.spec.CertifyResult`."""

    outcome: str
    reason: str
    lines: list[dict[str, Any]]
    metrics: dict[str, Any]
    images: int
    inputs_sha256: str
    weights_sha256: str
    graph: dict[str, Any]
    viewed: list[dict[str, Any]]
    runtime: dict[str, Any]
    latency_ms: dict[str, Any]
    toolchain: dict[str, Any]
    machine: dict[str, Any]
    durations_s: dict[str, Any]


def measured_read(result: dict[str, Any], *, budget: dict[str, float]) -> Measured:
    """Take the measurements from an engine's result; `budget` are the limits that were asked for.

    Raises OutputInvalid for what cannot be kept.
    """
    lines = [_line(raw, budget) for raw in _rows(result, "lines", LINES_MAX)]
    tables = {
        name: plain(table) if isinstance(table := result.get(name), dict) else {}
        for name in ("metrics", "graph", "runtime", "latency_ms", "toolchain", "machine", "durations_s")
    }
    viewed = [_viewed(raw) for raw in _rows(result, "viewed", VIEWED_MAX)]
    if len(canonical_json([lines, tables])) > RESULT_JSON_MAX_CHARACTERS:
        raise OutputInvalid("The engine told more of the certificate than can be kept.")
    if len(canonical_json(viewed)) > VIEWED_JSON_MAX_CHARACTERS:
        raise OutputInvalid("The engine told of more detections than can be kept.")
    outcome, reason = _judge(result, lines)
    return Measured(
        outcome=outcome,
        reason=reason,
        lines=lines,
        images=_count(result.get("images")),
        inputs_sha256=_digest(result.get("inputs_sha256")),
        weights_sha256=_digest(result.get("weights_sha256")),
        viewed=viewed,
        **tables,
    )


def _judge(result: dict[str, Any], lines: list[dict[str, Any]]) -> tuple[str, str]:
    told = result.get("outcome")
    said = _text(result.get("reason"), 2_000)
    broken = [line for line in lines if line["holds"] is False]
    if broken or told == CertificateOutcome.FAILED:
        return str(CertificateOutcome.FAILED), said or "; ".join(line_sentence(line) for line in broken[:3])
    judged = {line["check"] for line in lines if line["holds"] is True}
    if told == CertificateOutcome.PASSED and judged & set(JUDGED_CHECKS):
        return str(CertificateOutcome.PASSED), said
    return str(CertificateOutcome.UNVERIFIED), said or "The engine judged none of the outputs."


def line_sentence(line: dict[str, Any]) -> str:
    """'mAP50-95 lost 0.031, at most 0.01 is allowed'."""
    value = "not a number" if line["value"] is None else f"{line['value']:.4g}"
    unit = f" {line['unit']}" if line["unit"] else ""
    limit = f", {line['direction']} {line['limit']:.7g}{unit} is allowed" if line["limit"] is not None else ""
    return f"{line['name']}: {value}{unit}{limit}"


def _line(raw: dict[str, Any], budget: dict[str, float]) -> dict[str, Any]:
    value = _number(raw.get("value"))
    # The limit that was asked for, and not the one that the engine says it took.
    limit = _number(budget.get(_text(raw.get("budget"), 40), raw.get("limit")))
    direction = raw.get("direction") if raw.get("direction") in ("at most", "at least") else ""
    holds: bool | None = None
    if limit is not None and direction:
        # A value that is no number (NaN, overflow) keeps no limit.
        holds = value is not None and (value <= limit if direction == "at most" else value >= limit)
    elif raw.get("holds") is not None:
        holds = raw["holds"] is True  # yes or no without a number: "the class names are the same"
    return {
        "check": _text(raw.get("check"), 20),
        "name": _text(raw.get("name"), 120),
        "value": value,
        "unit": _text(raw.get("unit"), 20),
        "limit": limit,
        "direction": direction,
        "holds": holds,
        "detail": _text(raw.get("detail"), 500),
    }


def _viewed(raw: dict[str, Any]) -> dict[str, Any]:
    width, height = _count(raw.get("width_px")), _count(raw.get("height_px"))
    if not 0 < width <= 4_096 or not 0 < height <= 4_096:
        raise OutputInvalid("The engine gave a picture an odd size.")
    return {
        "file": _text(raw.get("file"), 255),
        "name": _text(raw.get("name"), 255),
        "width_px": width,
        "height_px": height,
        "badness": _number(raw.get("badness")) or 0.0,
        "source": _detections(raw.get("source")),
        "artifact": _detections(raw.get("artifact")),
    }


def _detections(raw: Any) -> list[list[float]]:
    rows = [
        [_number(value) or 0.0 for value in row[:6]]
        for row in (raw if isinstance(raw, list) else [])
        if isinstance(row, list) and len(row) >= 2
    ]
    return sorted(rows, key=lambda row: -row[-2])[:DETECTIONS_SHOWN_MAX]


def _rows(result: dict[str, Any], name: str, most: int) -> list[dict[str, Any]]:
    rows = result.get(name) or []
    if not isinstance(rows, list) or len(rows) > most or not all(isinstance(row, dict) for row in rows):
        raise OutputInvalid(f"The engine's {name} can't be read.")
    return rows


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return plain(float(value))  # type: ignore[no-any-return]


def _count(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31 else 0


def _text(value: Any, most: int) -> str:
    return str(value or "")[:most].replace("\0", "")


def _digest(value: Any) -> str:
    text = str(value or "").lower()
    return text if len(text) == 64 and set(text) <= set("0123456789abcdef") else ""
