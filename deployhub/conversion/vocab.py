"""Words and limits of conversion."""

from __future__ import annotations

EXPORT_JOB_KIND = "export"
REPLAY_JOB_KIND = "artifact_replay"
EXPORT_QUEUE = "cpu"
EXPORT_SEED = 0
