"""Words and limits of certification."""

from __future__ import annotations

CERTIFY_QUEUE = "cpu"
CERTIFY_SEED = 0
CERTIFY_IMAGES_MAX = 500
"""So many images of an evaluation set are run at most; the first ones by name, so that two runs take the same."""
LINES_MAX = 200
VIEWED_MAX = 40
DETECTIONS_SHOWN_MAX = 300
"""Detections of one picture and side that the viewer keeps, best scores first."""
REASON_MIN_CHARACTERS = 10
"""An override is read by auditors: a single word is no reason."""
