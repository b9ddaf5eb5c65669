"""Words and limits of conversion."""

from __future__ import annotations

EXPORT_JOB_KIND = "export"
EXPORT_QUEUE = "cpu"
EXPORT_SEED = 0
OUTPUT_FILES_MAX = 2_000
OUTPUT_PATH_MAX_CHARACTERS = 255
RESULT_JSON_MAX_CHARACTERS = 256 * 1024
"""What the engine tells of an export must fit here: it is shown on a page and kept for ever."""
