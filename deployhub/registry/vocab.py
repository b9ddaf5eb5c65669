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


class CertificateOutcome(models.TextChoices):
    """How a certificate ended."""

    PASSED = "passed", "Passed"
    FAILED = "failed", "Failed"
    UNVERIFIED = "unverified", "Not verified here"


class DatasetPurpose(models.TextChoices):
    EVALUATION = "evaluation", "Evaluation"
    CALIBRATION = "calibration", "Calibration"


class DatasetState(models.TextChoices):
    """Of one version of a dataset."""

    CHECKING = "checking", "Being checked"
    ACCEPTED = "accepted", "Accepted"
    REFUSED = "refused", "Refused"


class DatasetSeverity(models.TextChoices):
    """Of what the check of a dataset found: an error refuses the version."""

    ERROR = "error", "Error"
    WARNING = "warning", "Warning"
    NOTICE = "notice", "Notice"


class UploadState(models.TextChoices):
    OPEN = "open", "Open"
    COMPLETE = "complete", "Complete"
    CONSUMED = "consumed", "Consumed"
    ABANDONED = "abandoned", "Abandoned"


CERTIFY_JOB = "certify"
PRODUCTION_ALIASES = ("champion",)
"""Aliases that mean production: where a project demands a second person, it is for these."""
ACCESS_DAYS_MAX = 365
"""The longest that a membership with an end lasts."""
ACCESS_REQUESTS_WAITING_MAX = 10
"""Requests for access that one person may have under way."""
ACCESS_REQUEST_LIFE_DAYS = 30
"""A request that nobody answers lapses."""

UPLOAD_MAX_BYTES = 2 * GIB
UPLOAD_LIFETIME_HOURS = 48
UPLOADS_OPEN_MAX = 50
"""Uploads that one person may have under way at once."""
DISK_RESERVE_BYTES = 256 * MIB
"""Room that an upload must leave for the database, the logs and the work of others."""
FILE_NAME_MAX_CHARACTERS = 200
MODEL_SUFFIXES = (".pt", ".onnx")
DATASET_SUFFIXES = (".zip",)

REFUSAL_CODES = frozenset(
    {
        "malicious_model",
        "unsupported_file",
        "corrupt_file",
        "archive_refused",
        "not_a_yolo_model",
        "invalid_model",
        "invalid_weights",
    }
)
"""Causes of a failed inspection that lie in the file itself: the version is refused. Any other cause (a crash, too
little memory, a lost worker) leaves it in quarantine, where it can be inspected again."""

INSPECT_JOB = "inspect"
DATASET_CHECK_JOB = "dataset_check"
DATASET_REFUSAL_CODES = frozenset({"archive_refused", "corrupt_file", "unsupported_file"})
"""Causes of a failed check that lie in the zip itself."""
