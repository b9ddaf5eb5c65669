"""Run one spec: the entry of the confined child. Reads WORK/spec.json, returns the result."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import shutil
import time
import warnings
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deployhub.engine.catalogue import format_find
from deployhub.engine.fingerprint import machine_describe, toolchain_versions
from deployhub.engine.options import OptionsInvalid, options_validate
from deployhub.engine.plugin import ExportRequest, Format, NotHere, Runner
from deployhub.engine.spec import EngineError, ErrorCode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from deployhub.engine.comparison import Comparison
    from deployhub.engine.source import SourceModel

Emit = Callable[[dict[str, Any]], None]

ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
# Rockets and ticks: few fonts of a server room have them.
PICTOGRAM = re.compile("[\U00010000-\U0010ffff\u2705\u274c\u26a0]\ufe0f? ?")
LOG_LINE_MAX = 2000
# Ultralytics ends with advice for its own command line, about paths that are gone when it is read.
LOG_NOISE = ("Results saved to", "Predict:", "Validate:", "Visualize:", "ProTip")
HASH_BLOCK_BYTES = 1024 * 1024
LEVELS = {logging.DEBUG: "debug", logging.INFO: "info", logging.WARNING: "warning", logging.ERROR: "error"}
# A toolchain that wrote elsewhere or phoned home would only meet the sandbox; these spare it the attempt.
SWITCHES = {
    "YOLO_AUTOINSTALL": "false",
    "YOLO_OFFLINE": "1",
    "YOLO_VERBOSE": "false",
    "ULTRALYTICS_SAFE_LOAD": "1",
    "OPENVINO_TELEMETRY": "0",
}


def run_spec(*, workdir: Path, emit: Emit) -> dict[str, Any]:
    """Do what WORK/spec.json says and return its result; events go to `emit`.

    Raises EngineError with a sentence and a hint for all that a user can do something about.
    """
    workdir = workdir.resolve()
    spec = json.loads((workdir / "spec.json").read_text())
    scratch, out = workdir / "tmp", workdir / "out"
    for folder in (scratch, out):
        folder.mkdir(exist_ok=True)
    for name, value in SWITCHES.items():
        os.environ.setdefault(name, value)
    os.environ.setdefault("YOLO_CONFIG_DIR", str(scratch))
    with _logs_forward(emit, workdir=workdir):
        _settings_detach(scratch)
        if spec.get("kind") == "smoke":
            from deployhub.engine.smoke import smoke_run

            return smoke_run(spec, scratch=scratch, emit=emit)
        source_path = _source_path(workdir, spec)
        match spec.get("kind"):
            case "inspect":
                return _inspect(source_path, emit=emit)
            case "export" | "replay":
                return _export(spec, source_path, out=out, scratch=scratch, emit=emit)
            case "certify":
                return _certify(spec, source_path, workdir=workdir, emit=emit)
            case "dataset":
                return _dataset(spec, source_path, out=out, emit=emit)
            case unknown:
                raise EngineError(
                    ErrorCode.INVALID_OPTIONS, f"The engine knows no work of the kind {unknown!r}.", ""
                )


def _settings_detach(scratch: Path) -> None:
    """Ultralytics writes its settings back; a warm engine has read them from a place that is closed now."""
    from ultralytics.utils import SETTINGS

    SETTINGS.file_path = scratch / "settings.json"


def _source_path(workdir: Path, spec: dict[str, Any]) -> Path:
    path = (workdir / str(spec.get("source", ""))).resolve()
    if not path.is_relative_to(workdir / "in") or not path.is_file():
        raise EngineError(
            ErrorCode.ENGINE_ERROR, "The job's source file is not in its work folder.", "Try again."
        )
    return path


def _inspect(path: Path, *, emit: Emit) -> dict[str, Any]:
    from deployhub.engine import inspection
    from deployhub.engine.intake import inspect_file
    from deployhub.engine.source import PtSource, source_load

    _phase(emit, "Checking the file")
    scan = inspect_file(path)
    if scan["kind"] == "onnx":
        _phase(emit, "Reading the graph")
        facts = inspection.onnx_inspect(path)
    else:
        _phase(emit, "Loading the model")
        source = source_load(path, kind=scan["kind"])
        if not isinstance(source, PtSource):
            raise TypeError(f"{type(source).__name__} can't be inspected")
        _phase(emit, "Measuring the model")
        facts = inspection.pt_inspect(source)
    return {**facts, "scan": {key: scan[key] for key in ("globals", "verdict", "notes")}}


def _dataset(spec: dict[str, Any], path: Path, *, out: Path, emit: Emit) -> dict[str, Any]:
    from deployhub.engine.datasets.check import dataset_check

    result = dataset_check(path, purpose=str(spec.get("purpose", "")), out=out, emit=emit)
    return {**result, "files": files_describe(out)}


def _export(spec: dict[str, Any], path: Path, *, out: Path, scratch: Path, emit: Emit) -> dict[str, Any]:
    from deployhub.engine.intake import inspect_file
    from deployhub.engine.source import source_load

    chosen = format_find(str(spec.get("format", "")))
    if reason := chosen.available():
        raise EngineError(ErrorCode.INVALID_OPTIONS, reason, "Choose a format that is available here.")
    entry = chosen.describe()
    given = spec.get("options") or {}
    # Before the model is loaded, so that a plain mistake costs nothing.
    _options_clean(entry, given, facts={})
    seed = int(spec.get("seed") or 0)

    started = time.monotonic()
    _phase(emit, "Loading the model")
    source = source_load(path, kind=inspect_file(path)["kind"])
    if source.kind not in chosen.sources:
        raise EngineError(
            ErrorCode.INVALID_OPTIONS,
            f"{chosen.label} can't be made from a .{source.kind} file.",
            f"Upload the model as {' or '.join('.' + kind for kind in chosen.sources)}.",
        )
    cleaned = _options_clean(entry, given, facts=source.facts())
    options = chosen.Options(**cleaned)
    _repeatable(seed)
    loaded = time.monotonic()

    _phase(emit, f"Exporting to {chosen.label}")
    folder = scratch / "export"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    request = ExportRequest(
        source=source,
        options=options,
        folder=folder,
        seed=seed,
        log=lambda text: emit({"type": "log", "level": "info", "text": text}),
        calibration=_calibration(spec, chosen, source=source, scratch=scratch),
    )
    artifact = _deliver(chosen.export(request), to=out / chosen.stable_name)
    files = files_describe(out)
    exported = time.monotonic()
    if spec.get("kind") == "replay":
        from deployhub.engine.replay import replay_compare

        _phase(emit, "Comparing with the first export")
        before = out.parent / str(spec.get("previous", ""))
        replayed = replay_compare(chosen, before=before, after=out, source=source, options=options, seed=seed)
        return {
            "files": files,
            "replay": replayed,
            "toolchain": toolchain_versions(),
            "machine": machine_describe(),
        }

    proof = _prove(chosen, artifact, source=source, options=options, seed=seed, emit=emit)
    return {
        "files": files,
        **proof,
        "options": cleaned,
        "toolchain": toolchain_versions(),
        "machine": machine_describe(),
        "durations_s": {
            "load": round(loaded - started, 3),
            "export": round(exported - loaded, 3),
            "verify": round(time.monotonic() - exported, 3),
        },
    }


def _calibration(spec: dict[str, Any], chosen: Format, *, source: SourceModel, scratch: Path) -> Path | None:
    """Lay the calibration images out as Ultralytics reads them; None when the job brought none."""
    if not chosen.calibration or not spec.get("calibration"):
        return None
    from deployhub.engine.calibration import calibration_lay_out

    return calibration_lay_out(
        scratch.parent / str(spec["calibration"]), source=source, folder=scratch / "calibration"
    )


def _certify(spec: dict[str, Any], path: Path, *, workdir: Path, emit: Emit) -> dict[str, Any]:
    from deployhub.engine.certifying import certify
    from deployhub.engine.intake import inspect_file
    from deployhub.engine.source import source_load

    chosen = format_find(str(spec.get("format", "")))
    seed = int(spec.get("seed") or 0)
    _phase(emit, "Loading the model")
    source = source_load(path, kind=inspect_file(path)["kind"])
    # As they were when it was exported, except for what only the exporter needs to know.
    cleaned = _options_clean(chosen.describe(), spec.get("options") or {}, facts=source.facts())
    _repeatable(seed)
    result = certify(
        spec, source=source, chosen=chosen, options=chosen.Options(**cleaned), workdir=workdir, emit=emit
    )
    return {**result, "files": files_describe(workdir / "out")}


def _options_clean(entry: dict[str, Any], given: dict[str, Any], *, facts: dict[str, Any]) -> dict[str, Any]:
    try:
        return options_validate(entry, given, source=facts)
    except OptionsInvalid as invalid:
        raise EngineError(
            ErrorCode.INVALID_OPTIONS, str(invalid), "Change the options that are named, and export again."
        ) from invalid


def _repeatable(seed: int) -> None:
    import torch

    torch.manual_seed(seed)


def _prove(
    chosen: Format, artifact: Path, *, source: SourceModel, options: Any, seed: int, emit: Emit
) -> dict[str, Any]:
    """Open, run and compare what was exported; a failure is a finding, not an error."""
    from deployhub.engine.comparison import artifact_compare, images_choose

    proof: dict[str, Any] = {
        "proof": "exported", "proof_reason": "", "runtime": None, "comparison": None, "latency_ms": None,
    }  # fmt: skip
    _phase(emit, "Opening the export in its runtime")
    try:
        runner = chosen.open(artifact, options=options)
        images = next(images_choose(source=source, options=options, seed=seed))
        runner.run(images)
    except MemoryError:
        raise
    except NotHere as why:
        proof["proof_reason"] = f"Not verified here: {why}"
        return proof
    except Exception as error:  # noqa: BLE001 - whatever a runtime raises, the file does not run
        proof["proof_reason"] = (
            f"The export does not run in {', '.join(chosen.runtimes)}: {_first_line(error)}"
        )
        return proof
    proof |= {
        "proof": "loadable",
        "runtime": {"name": runner.runtime, "version": runner.version, "device": runner.device},
    }
    total = sum(1 for _ in images_choose(source=source, options=options, seed=seed))
    _phase(emit, "Comparing with the source", total=total, unit="inputs")
    try:
        comparison: Comparison = artifact_compare(
            source=source,
            runner=runner,
            options=options,
            seed=seed,
            advance=lambda done: emit({"type": "progress", "done": done}),
        )
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 - a runtime that fails on the second input fails the comparison
        proof["proof_reason"] = f"The comparison could not be finished: {_first_line(error)}"
        return proof
    proof["comparison"] = comparison.describe()
    proof["proof_reason"] = comparison.reason
    if comparison.passed:
        proof["proof"] = "verified"
    _phase(emit, "Measuring the latency")
    proof["latency_ms"] = _latency(source, runner, options=options, seed=seed)
    return proof


def _latency(source: SourceModel, runner: Runner, *, options: Any, seed: int) -> dict[str, Any]:
    from deployhub.engine.comparison import images_choose
    from deployhub.engine.latency import WARMUP_RUNS, latency_measure

    images = next(images_choose(source=source, options=options, seed=seed))
    source_ms, _ = latency_measure(lambda: source.predict(images, options=options))
    artifact_ms, runs = latency_measure(lambda: runner.run(images))
    return {
        "source": source_ms,
        "artifact": artifact_ms,
        "warmup_runs": WARMUP_RUNS,
        "runs": runs,
        "batch": int(images.shape[0]),
    }


def _deliver(produced: Path, *, to: Path) -> Path:
    """Move the export to its stable name; a folder's files are named after the model as well."""
    if to.exists():
        shutil.rmtree(to) if to.is_dir() else to.unlink()
    shutil.move(str(produced), to)
    return to


def files_describe(out: Path) -> list[dict[str, Any]]:
    """Every file below `out`, with its path relative to it, size and sha256, in a stable order."""
    return [
        {
            "path": path.relative_to(out).as_posix(),
            "size_bytes": path.stat().st_size,
            "sha256": file_sha256(path),
        }
        for path in sorted(out.rglob("*"))
        if path.is_file() and not path.is_symlink()
    ]


def file_sha256(path: Path) -> str:
    """Hex SHA-256 of a file, read in blocks."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(HASH_BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()


def _phase(emit: Emit, name: str, *, total: int | None = None, unit: str = "") -> None:
    emit({"type": "phase", "name": name, "total": total, "unit": unit})


def _first_line(error: BaseException) -> str:
    lines = (line.strip() for line in str(error).splitlines())
    return next((line for line in lines if line), type(error).__name__)[:300]


class _EventHandler(logging.Handler):
    """Turns log records into log events; paths of the work folder are no business of the reader."""

    def __init__(self, emit: Emit, *, workdir: Path) -> None:
        super().__init__()
        self._send, self._hidden = emit, f"{workdir}/"

    def emit(self, record: logging.LogRecord) -> None:
        level = LEVELS.get(record.levelno, "info")
        for line in ANSI.sub("", record.getMessage()).replace(self._hidden, "").splitlines():
            text = PICTOGRAM.sub("", line).strip()
            if text and not text.startswith(LOG_NOISE):
                self._send({"type": "log", "level": level, "text": text[:LOG_LINE_MAX]})


@contextmanager
def _logs_forward(emit: Emit, *, workdir: Path) -> Iterator[None]:
    """Send what Ultralytics logs to the job's log, and to nothing else."""
    handler = _EventHandler(emit, workdir=workdir)
    logger = logging.getLogger("ultralytics")
    with warnings.catch_warnings():
        # Tracing warns about each shape that becomes a constant, which is what a fixed shape means.
        warnings.simplefilter("ignore")
        # Ultralytics sets its logger up when it is imported, so import first.
        import ultralytics.utils

        before, level, propagate = logger.handlers[:], logger.level, logger.propagate
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel(logging.INFO)
        ultralytics.utils.LOGGER.setLevel(logging.INFO)
        try:
            yield
        finally:
            logger.handlers, logger.propagate = before, propagate
            logger.setLevel(level)
