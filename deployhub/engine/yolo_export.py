"""What every Ultralytics export has in common: the shared options, and one careful call of its exporter."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deployhub.engine.calibration import calibration_in_turn
from deployhub.engine.plugin import Conflict, ExportRequest, option
from deployhub.engine.source import PtSource
from deployhub.engine.spec import EngineError, ErrorCode

FIXED_DATE = "1980-01-01T00:00:00+00:00"


@dataclass(frozen=True)
class YoloOptions:
    """Options that all Ultralytics formats with an open graph share; a format adds its own."""

    precision: str = option(
        "fp32",
        label="Precision",
        help="How numbers are stored. fp16 halves the file and loses a little accuracy.",
        choices=("fp32", "fp16"),
    )
    image_size_px: int = option(
        640,
        label="Image size",
        help="Height and width of the input. The size that the model was trained with is usually best.",
        unit="px",
        minimum=32,
        maximum=4096,
        multiple_of=32,
        default_from="image_size_px",
    )
    batch: int = option(
        1,
        label="Batch",
        help="Images that go through the model at once. With dynamic axes and NMS, the largest such number.",
        unit="images",
        minimum=1,
        maximum=64,
    )
    dynamic: bool = option(
        False,
        label="Dynamic axes",
        help="Let batch, height and width change from call to call. A fixed shape usually runs faster.",
    )
    nms: bool = option(
        False,
        label="NMS in the graph",
        help="Remove overlapping boxes inside the model, so that it answers with final detections.",
    )
    end_to_end: bool = option(
        False,
        label="NMS-free head",
        help="Use the one-to-one head that YOLO26 and YOLOv10 carry: final detections without any NMS.",
    )
    confidence_percent: int = option(
        25,
        label="Confidence threshold",
        help="With NMS in the graph: detections below this score are dropped.",
        unit="%",
        minimum=1,
        maximum=99,
    )
    overlap_percent: int = option(
        70,
        label="Overlap threshold",
        help="With NMS in the graph: of two boxes that overlap more than this (IoU), the better one stays.",
        unit="%",
        minimum=1,
        maximum=99,
    )
    max_detections: int = option(
        300,
        label="Most detections",
        help="With NMS in the graph or the NMS-free head: at most this many detections for an image.",
        unit="detections",
        minimum=1,
        maximum=3000,
    )


def precision_option(*choices: str, help: str = "How numbers are stored.") -> Any:
    """The `precision` of a format that offers other ones than ONNX does."""
    return option(choices[0], label="Precision", help=help, choices=choices)


@dataclass(frozen=True)
class FixedOptions:
    """Options of formats whose graph has a fixed shape and the model's raw outputs."""

    precision: str = precision_option("fp32")
    image_size_px: int = option(
        640,
        label="Image size",
        help="Height and width of the input. The size that the model was trained with is usually best.",
        unit="px",
        minimum=32,
        maximum=4096,
        multiple_of=32,
        default_from="image_size_px",
    )


QUANTIZE = {"fp32": None, "fp16": 16, "int8": 8, "int8w": 8, "w8a16": "w8a16"}
YOLO_CONFLICTS = (
    Conflict(
        {"nms": True, "end_to_end": True},
        "The NMS-free head already answers with final detections. Choose it or NMS in the graph, not both.",
    ),
    Conflict(
        {"source.task": "classify", "nms": True},
        "A classification model has no boxes to suppress. Switch NMS in the graph off.",
    ),
    Conflict(
        {"source.end_to_end_head": False, "end_to_end": True},
        "This model has no NMS-free head; YOLO26 and YOLOv10 models have one. Use NMS in the graph instead.",
    ),
)


def metadata_described(path: Path) -> dict[str, Any]:
    """What Ultralytics wrote beside a folder format (metadata.yaml): class_names, stride, task."""
    import yaml

    try:
        told = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError):
        return {}
    if not isinstance(told, dict):
        return {}
    names = told.get("names")
    found = {
        "class_names": [str(names[key]) for key in sorted(names)] if isinstance(names, dict) else None,
        "stride": told.get("stride"),
        "task": told.get("task"),
    }
    return {name: value for name, value in found.items() if value is not None}


def yolo_export(request: ExportRequest, *, format: str, **extra: Any) -> Path:
    """Let Ultralytics export the source into `request.folder`; returns what it wrote.

    In the metadata the date becomes that of the checkpoint, and the place of the training data is left out:
    equal requests shall give equal bytes, and no path of the machine that trained the model.
    Raises EngineError `export_failed` with the exporter's own first line.
    """
    from ultralytics.engine.exporter import Exporter

    source, options = request.source, request.options
    if not isinstance(source, PtSource):
        raise EngineError(
            ErrorCode.INVALID_OPTIONS,
            "This format is exported from .pt models.",
            "Upload the model's .pt file.",
        )
    head = source.head(options)
    overrides: dict[str, Any] = {
        "mode": "export",
        "format": format,
        "task": source.task,
        "imgsz": options.image_size_px,
        "batch": getattr(options, "batch", 1),
        "dynamic": getattr(options, "dynamic", False),
        "device": "cpu",
        "quantize": QUANTIZE[options.precision],
        # Three states in Ultralytics: True embeds NMS, False takes the NMS-free head, None is the raw head.
        "nms": {"nms": True, "end_to_end": False}.get(head),
        "max_det": getattr(options, "max_detections", 300),
        "data": str(request.calibration) if request.calibration else None,
        "verbose": False,
        **extra,
    }
    if head == "nms":
        overrides |= {"conf": options.confidence_percent / 100, "iou": options.overlap_percent / 100}
    exporter = Exporter(overrides=overrides)
    exporter.callbacks = {event: [] for event in exporter.callbacks}
    trained = str(source.checkpoint.get("date") or FIXED_DATE)
    exporter.add_callback("on_export_start", lambda running: _metadata_settle(running, date=trained))
    source.model.pt_path = str(request.folder / "model.pt")
    if request.calibration:
        calibration_in_turn()
    before = Path.cwd()
    os.chdir(request.folder)
    try:
        produced = exporter(model=source.model)
    except MemoryError:
        raise
    except EngineError:
        raise
    except Exception as error:
        if os.strerror(errno.ENOSPC) in str(error):
            raise  # the machine's trouble, not the model's: said in those words, whichever library met it
        first_line = next(
            (line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__
        )
        raise EngineError(
            ErrorCode.EXPORT_FAILED,
            f"The export stopped: {first_line[:300]}",
            "Try it with fewer options; the job's log has the details.",
        ) from error
    finally:
        os.chdir(before)
    return Path(produced)


def _metadata_settle(exporter: Any, *, date: str) -> None:
    exporter.metadata["date"] = date
    exporter.metadata["description"] = f"Ultralytics {exporter.pretty_name} model"
