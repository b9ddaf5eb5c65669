"""A row of docs/performance.md: a ratio, measured in one run against something on the same machine."""

from __future__ import annotations

import json
import os
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "performance.md"
MARK_BEGIN, MARK_END = "<!-- table: begin -->", "<!-- table: end -->"


@dataclass(frozen=True, slots=True)
class Row:
    """`ratio` is `ours` divided by `peer` (or the other way round where `aim` says "at least")."""

    name: str
    ours: str
    peer: str
    ratio: float
    aim: str
    holds: bool


def row_print(row: Row) -> None:
    """One JSON line, read by `python -m benchmarks`."""
    print("ROW " + json.dumps(asdict(row)), flush=True)


def milliseconds(call: Callable[[], object], *, runs: int, warmup: int = 3) -> list[float]:
    """Wall time of each run in ms, after `warmup` runs that do not count."""
    for _ in range(warmup):
        call()
    found = []
    for _ in range(runs):
        started = time.perf_counter()
        call()
        found.append((time.perf_counter() - started) * 1000)
    return found


def median(values: list[float]) -> float:
    return statistics.median(values)


def machine() -> str:
    cpu = platform.processor() or platform.machine()
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                cpu = line.split(":", 1)[1].strip()
                break
    except OSError:
        pass
    return f"{os.cpu_count()} cores, {cpu}, Python {platform.python_version()}"


def page_write(rows: list[Row], *, on: str) -> None:
    """Put the table between the marks of docs/performance.md; the words around it stay."""
    lines = [
        MARK_BEGIN,
        f"Measured on {on}: {machine()}.",
        "",
        "| What | Ours | Against | Ratio | Aim | |",
        "|---|---|---|---:|---|---|",
        *(
            f"| {r.name} | {r.ours} | {r.peer} | {r.ratio:.3g} | {r.aim} | {'holds' if r.holds else '**missed**'} |"
            for r in rows
        ),
        MARK_END,
    ]
    text = PAGE.read_text()
    before, rest = text.split(MARK_BEGIN, 1)
    PAGE.write_text(before + "\n".join(lines) + rest.split(MARK_END, 1)[1])
