"""How long both sides take for the same images, in the pass that was measured anyway."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

from deployhub.engine.checking import Check

if TYPE_CHECKING:
    from deployhub.engine.spec import CheckLine


class Speed(Check):
    key = "speed"
    order = 5

    def lines(self) -> list[CheckLine]:
        bench = self.bench
        source, artifact = (
            statistics.median(bench.times_ms[side]) if bench.times_ms.get(side) else None
            for side in ("source", "artifact")
        )
        made = [
            bench.line(
                "speed",
                "Latency of the source",
                source,
                unit="ms",
                detail="median; the first run is left out",
            ),
            bench.line(
                "speed",
                "Latency of the artifact",
                artifact,
                unit="ms",
                detail="median; the first run is left out",
            ),
        ]
        if source and artifact:
            made.append(
                bench.line("speed", "Latency against the source", artifact / source, budget="latency_ratio")
            )
        made.append(bench.line("speed", "Time to load", bench.load_ms, unit="ms"))
        return made


CHECK = Speed
