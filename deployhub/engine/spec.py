"""The contract between the web world and the engine, in the standard library alone.

Work folder: `WORK/spec.json` (what to do), `WORK/in/` (read-only inputs), `WORK/out/` (what is
handed back), `WORK/tmp/` (scratch, thrown away). Events are JSON lines on a pipe of their own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, NotRequired, TypedDict

MIB = 1024**2
GIB = 1024**3


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one engine run may use before it is ended.

    memory_bytes: private memory of all the run's processes together, on top of the loaded libraries.
    cpu_seconds: processor time of each process; wall_seconds: time by the clock.
    output_bytes: total size of the work folder's out/ and tmp/; file_bytes: size of any one file.
    processes: processes and threads of the run.
    """

    memory_bytes: int = 4 * GIB
    cpu_seconds: int = 3600
    wall_seconds: int = 1800
    output_bytes: int = 8 * GIB
    file_bytes: int = 4 * GIB
    processes: int = 256


class ErrorCode:
    """Every code that an engine failure can carry; the web world turns them into pages and problems."""

    MALICIOUS_MODEL = "malicious_model"
    UNSUPPORTED_FILE = "unsupported_file"
    CORRUPT_FILE = "corrupt_file"
    ARCHIVE_REFUSED = "archive_refused"
    NOT_A_YOLO_MODEL = "not_a_yolo_model"
    INVALID_MODEL = "invalid_model"
    INVALID_WEIGHTS = "invalid_weights"
    INVALID_OPTIONS = "invalid_options"
    UNSAFE_LOADER = "unsafe_loader"
    EXPORT_FAILED = "export_failed"
    ENGINE_CRASHED = "engine_crashed"
    ENGINE_ERROR = "engine_error"
    ENGINE_OUTPUT_INVALID = "engine_output_invalid"
    LIMIT_MEMORY = "limit_memory"
    LIMIT_TIME = "limit_time"
    LIMIT_OUTPUT = "limit_output"
    LIMIT_PROCESSES = "limit_processes"
    STORAGE_FULL = "storage_full"
    SANDBOX_UNAVAILABLE = "sandbox_unavailable"
    TOOLCHAIN_UNAVAILABLE = "toolchain_unavailable"
    TOOLCHAIN_FAILED = "toolchain_failed"
    TOOLCHAIN_BUSY = "toolchain_busy"


class EngineError(Exception):
    """Raised inside the engine; becomes one `error` event.

    code: one of ErrorCode. detail: one sentence for a person, what happened. hint: what to do.
    """

    def __init__(self, code: str, detail: str, hint: str = "") -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.hint = hint


class PhaseEvent(TypedDict):
    """A new phase began; `total` is None when its length is unknown."""

    type: Literal["phase"]
    name: str
    total: NotRequired[int | None]
    unit: NotRequired[str]


class ProgressEvent(TypedDict):
    """`done` units of the current phase are finished."""

    type: Literal["progress"]
    done: int


class LogEvent(TypedDict):
    """One line for the job's log."""

    type: Literal["log"]
    level: Literal["debug", "info", "warning", "error"]
    text: str


class ResultEvent(TypedDict):
    """The run's result, always the last event of a good run."""

    type: Literal["result"]
    result: dict[str, Any]


class ErrorEvent(TypedDict):
    """The run failed, with a sentence and a hint."""

    type: Literal["error"]
    code: str
    detail: str
    hint: str


Event = PhaseEvent | ProgressEvent | LogEvent | ResultEvent | ErrorEvent


class TensorShape(TypedDict):
    """One input or output of a model; a dynamic axis is a string or None."""

    name: str
    shape: list[int | str | None]
    dtype: str


class Scan(TypedDict):
    """What the static inspection saw before anything was loaded."""

    globals: list[str]
    verdict: str
    notes: list[str]


class InspectResult(TypedDict, total=False):
    """What `inspect` returns; what the file does not say is None."""

    kind: Literal["pt", "onnx"]
    task: str | None
    architecture: str | None
    variant: str | None
    class_names: list[str] | None
    image_size_px: list[int] | None
    parameters: int | None
    gflops: float | None
    stride: int | None
    end_to_end: bool | None
    layers: list[dict[str, Any]]
    trained_with: dict[str, Any]
    inputs: list[TensorShape]
    outputs: list[TensorShape]
    scan: Scan
    engine: dict[str, str]


class OutputFile(TypedDict):
    """One file below WORK/out, checked again by the parent."""

    path: str
    size_bytes: int
    sha256: str


class ExportResult(TypedDict, total=False):
    """What `export` returns."""

    files: list[OutputFile]
    proof: Literal["exported", "loadable", "verified"]
    proof_reason: str
    runtime: dict[str, str]
    comparison: dict[str, Any]
    latency_ms: dict[str, Any]
    toolchain: dict[str, str]
    machine: dict[str, Any]
    durations_s: dict[str, float]


class CheckLine(TypedDict):
    """One line of a certificate: what was measured, and what was allowed.

    limit and direction are empty where the line only tells; `holds` is None then. budget: the name of the limit in the
    budget, or empty; whoever asked for the certificate knows the limit by it.
    """

    check: Literal["tensors", "detections", "task_metric", "file", "speed"]
    name: str
    value: float | None
    unit: str
    limit: float | None
    direction: Literal["at most", "at least", ""]
    holds: bool | None
    detail: str
    budget: str


class ViewedImage(TypedDict):
    """One picture of the side-by-side viewer, worst first.

    file: below WORK/out, a JPEG. source, artifact: rows of [x1, y1, x2, y2, score, class] in pixels of that JPEG
    (classify: [score, class]); badness: 0 (alike) to 1 (nothing in common).
    """

    file: str
    name: str
    width_px: int
    height_px: int
    badness: float
    source: list[list[float]]
    artifact: list[list[float]]


class CertifyResult(TypedDict, total=False):
    """What `certify` returns: the measurements of one certificate.

    metrics: by name ("map50_95", "map50", "mask_map50_95", "pose_map50_95", "top1" …), each with source, artifact,
    difference (artifact - source) and the bootstrap interval of that difference (low, high).
    inputs_sha256: over the bytes of every input tensor, in order: both sides saw these very bytes.
    """

    outcome: Literal["passed", "failed", "unverified"]
    reason: str
    lines: list[CheckLine]
    metrics: dict[str, dict[str, float]]
    images: int
    inputs_sha256: str
    weights_sha256: str
    graph: dict[str, Any]
    viewed: list[ViewedImage]
    files: list[OutputFile]
    runtime: dict[str, str]
    latency_ms: dict[str, Any]
    toolchain: dict[str, str]
    machine: dict[str, Any]
    durations_s: dict[str, float]


class DatasetFinding(TypedDict):
    """One kind of thing that a dataset's check found. An error refuses the dataset."""

    code: str
    severity: Literal["error", "warning", "notice"]
    title: str
    advice: str
    count: int
    examples: list[dict[str, Any]]


class DatasetResult(TypedDict, total=False):
    """What `dataset` returns. manifest_sha256: over WORK/out/manifest.json, which lists images and labels by content.

    statistics, profile: see deployhub/engine/datasets/measures.py. thumbnails: JPEG files below WORK/out, each with
    its labels as fractions of the image.
    """

    task: Literal["detect", "segment", "pose", "obb", "classify"]
    class_names: list[str]
    manifest_sha256: str
    findings: list[DatasetFinding]
    statistics: dict[str, Any]
    profile: dict[str, Any]
    thumbnails: list[dict[str, Any]]
    files: list[OutputFile]


class SandboxReport(TypedDict):
    """Which confinement holds on this machine, as proven by real hostile probes."""

    tier: Literal["A", "B", "0"]
    layers: dict[str, Any]
    probes: list[dict[str, Any]]
    reason: str
