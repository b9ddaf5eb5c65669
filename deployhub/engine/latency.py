"""How long one call of a model takes."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

WARMUP_RUNS = 3
RUNS = 10
BUDGET_S = 20.0
FEWEST_RUNS = 3


def latency_measure(call: Callable[[], object]) -> tuple[float, int]:
    """Median milliseconds of a call, and over how many runs.

    The first WARMUP_RUNS calls are kept apart. A model too slow for RUNS calls within BUDGET_S gets fewer.
    """
    for _ in range(WARMUP_RUNS):
        call()
    times: list[float] = []
    started = time.perf_counter()
    while len(times) < RUNS:
        before = time.perf_counter()
        call()
        now = time.perf_counter()
        times.append((now - before) * 1000)
        if len(times) >= FEWEST_RUNS and now - started > BUDGET_S:
            break
    return round(statistics.median(times), 3), len(times)
