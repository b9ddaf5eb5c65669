"""Words and limits of conversion."""

from __future__ import annotations

EXPORT_JOB_KIND = "export"
EXPORT_QUEUE = "cpu"
EXPORT_SEED = 0
