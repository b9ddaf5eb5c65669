"""Numbers as people read them, with their unit."""

from __future__ import annotations

KIB, MIB, GIB = 1024, 1024**2, 1024**3


def size_text(size_bytes: int) -> str:
    """1536 → '1.5 KiB'. Binary prefixes (IEC 80000-13)."""
    number = float(size_bytes)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if abs(number) < 1024 or unit == "GiB":
            return f"{number:.0f} {unit}" if unit == "B" else f"{number:.1f} {unit}"
        number /= 1024
    raise AssertionError("unreachable")


def duration_text(seconds: float) -> str:
    """0.42 → '420 ms', 75 → '1 min 15 s', 7300 → '2 h 1 min'."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min"


def count_text(number: float) -> str:
    """3011043 → '3.01 M'."""
    for limit, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(number) >= limit:
            return f"{number / limit:.3g} {unit}"
    return f"{number:g}"
