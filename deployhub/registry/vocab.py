"""Words of the registry."""

from __future__ import annotations

from django.db import models

from deployhub.kernel.units import GIB, MIB


class Task(models.TextChoices):
    DETECT = "detect", "Detect"
    SEGMENT = "segment", "Segment"
    CLASSIFY = "classify", "Classify"
    POSE = "pose", "Pose"
    OBB = "obb", "Oriented boxes"


class SourceKind(models.TextChoices):
    PT = "pt", "PyTorch (.pt)"
    ONNX = "onnx", "ONNX (.onnx)"


class VersionState(models.TextChoices):
    QUARANTINED = "quarantined", "Being inspected"
    ACCEPTED = "accepted", "Accepted"
    REFUSED = "refused", "Refused"


class Proof(models.TextChoices):
    """How far an artifact was proven on the machine at hand (R1.3)."""

    EXPORTED = "exported", "Exported"
    LOADABLE = "loadable", "Loadable"
    VERIFIED = "verified", "Verified"


class DatasetPurpose(models.TextChoices):
    EVALUATION = "evaluation", "Evaluation"
    CALIBRATION = "calibration", "Calibration"


class UploadState(models.TextChoices):
    OPEN = "open", "Open"
    COMPLETE = "complete", "Complete"
    CONSUMED = "consumed", "Consumed"
    ABANDONED = "abandoned", "Abandoned"


UPLOAD_MAX_BYTES = 2 * GIB
UPLOAD_CHUNK_MAX_BYTES = 64 * MIB
UPLOAD_LIFETIME_HOURS = 48
MODEL_SUFFIXES = (".pt", ".onnx")
DATASET_SUFFIXES = (".zip",)
EMPTY_FILE_SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
