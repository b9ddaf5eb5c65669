"""The model that an export starts from, and the reference that its exports are compared with."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deployhub.engine.plugin import ALL_TASKS, NamedOutput
from deployhub.engine.spec import EngineError, ErrorCode

if TYPE_CHECKING:
    from deployhub.engine.plugin import Images, Runner

RAW, NMS, END_TO_END = "raw", "nms", "end_to_end"
PROVOKE_BUDGET_S = 12.0
PROVOKE_STEPS = 60


class SourceModel(ABC):
    """A loaded source model."""

    kind: str
    path: Path
    task: str | None
    class_names: list[str] | None
    stride: int
    channels: int
    image_size_px: list[int]
    end_to_end_head: bool

    def facts(self) -> dict[str, Any]:
        """What option checking may know of the source."""
        return {
            "kind": self.kind,
            "task": self.task,
            "stride": self.stride,
            "image_size_px": self.image_size_px,
            "end_to_end_head": self.end_to_end_head,
        }

    def head(self, options: Any) -> str:
        """Which kind of output an export with these options has: raw, nms or end_to_end."""
        if getattr(options, "nms", False):
            return NMS
        return END_TO_END if getattr(options, "end_to_end", False) else RAW

    @abstractmethod
    def reference(self, images: Images, *, options: Any) -> list[NamedOutput]:
        """What the exported model should answer for `images` (N, C, H, W)."""

    @abstractmethod
    def predict(self, images: Images, *, options: Any) -> None:
        """Run the model once as it is used before any export; what its latency is measured on."""

    def provoke(self, images: Images, *, options: Any) -> Images | None:
        """Change `images` until something is detected in them; None when that can't be done."""
        return None


class PtSource(SourceModel):
    """An Ultralytics checkpoint. `model` stays as it was loaded: users of it work on copies."""

    kind = "pt"

    def __init__(self, path: Path, model: Any, checkpoint: dict[str, Any]) -> None:
        self.path, self.model, self.checkpoint = path, model, checkpoint
        self.task = getattr(model, "task", None)
        names = getattr(model, "names", None) or {}
        self.class_names = (
            [str(names[key]) for key in sorted(names)] if isinstance(names, dict) else list(names)
        )
        self.stride = int(max(model.stride))
        self.channels = int(model.yaml.get("channels", 3))
        size = (
            (checkpoint.get("train_args") or {}).get("imgsz")
            or getattr(model, "args", {}).get("imgsz")
            or 640
        )
        self.image_size_px = (
            [int(size), int(size)] if isinstance(size, int | float) else [int(s) for s in size][:2]
        )
        self.end_to_end_head = getattr(model.model[-1], "one2one_cv2", None) is not None
        self._references: dict[str, Any] = {}

    def head(self, options: Any) -> str:
        wanted = super().head(options)
        # A checkpoint that was saved after fusing may have its one-to-one branch left, and nothing else.
        if wanted == RAW and self.end_to_end_head and self.model.model[-1].cv2 is None:
            return END_TO_END
        return wanted

    def _reference_model(self, head: str, max_detections: int) -> Any:
        """An unfused copy in plain evaluation mode, so that an error of fusing or tracing shows."""
        from copy import deepcopy

        if head not in self._references:
            model = deepcopy(self.model).eval().float()
            for parameter in model.parameters():
                parameter.requires_grad = False
            if hasattr(model, "end2end"):
                model.end2end = head == END_TO_END
            last = model.model[-1]
            last.export = False
            last.format = None
            self._references[head] = model
        model = self._references[head]
        model.model[-1].max_det = max_detections
        return model

    def _forward(self, images: Images, *, head: str, max_detections: int) -> list[Any]:
        """Decoded outputs as torch tensors: (predictions,) or (predictions, mask prototypes)."""
        import torch

        # Not inference_mode: the head keeps its anchors, and `provoke` needs gradients through them.
        with torch.no_grad():
            answer = self._reference_model(head, max_detections)(torch.from_numpy(images))
        predictions = answer[0] if isinstance(answer, tuple) else answer
        return list(predictions) if isinstance(predictions, tuple | list) else [predictions]

    def reference(self, images: Images, *, options: Any) -> list[NamedOutput]:
        import torch
        from ultralytics.utils.nms import non_max_suppression

        head = self.head(options)
        limit = _anchors_limit(images, self.model, getattr(options, "max_detections", 300))
        outputs = self._forward(images, head=RAW if head == NMS else head, max_detections=limit)
        if head == NMS:
            kept = non_max_suppression(
                outputs[0],
                conf_thres=options.confidence_percent / 100,
                iou_thres=options.overlap_percent / 100,
                max_det=options.max_detections,
                nc=len(self.class_names or []),
                rotated=self.task == "obb",
                max_time_img=60.0,
            )
            width = outputs[0].shape[1] - len(self.class_names or []) + 2
            rows = torch.zeros(len(kept), options.max_detections, width)
            for index, found in enumerate(kept):
                rows[index, : found.shape[0]] = found[:, :width]
            outputs[0] = rows
        return [
            NamedOutput(f"output{index}", tensor.detach().float().numpy())
            for index, tensor in enumerate(outputs)
        ]

    @cached_property
    def _fused(self) -> Any:
        from copy import deepcopy

        model = deepcopy(self.model).eval().float()
        for parameter in model.parameters():
            parameter.requires_grad = False
        return model.fuse(verbose=False)

    def predict(self, images: Images, *, options: Any) -> None:
        import torch

        with torch.inference_mode():
            self._fused(torch.from_numpy(images))

    def provoke(self, images: Images, *, options: Any) -> Images | None:
        """Climb the gradient of the class scores from `images`, for a few seconds at most.

        Ordinary test images may show nothing that the model knows; then there would be no box to compare.
        """
        import torch

        if self.task == "classify":
            return None
        head = self.head(options)
        model = self._reference_model(RAW if head == NMS else head, getattr(options, "max_detections", 300))
        threshold = getattr(options, "confidence_percent", 25) / 100
        wanted = torch.logit(torch.tensor(min(0.98, threshold + 0.2)))
        pixels = torch.from_numpy(images.copy()).requires_grad_()
        optimiser = torch.optim.Adam([pixels], lr=0.03)
        ends = time.monotonic() + PROVOKE_BUDGET_S
        for _ in range(PROVOKE_STEPS):
            optimiser.zero_grad()
            raw = model(pixels)[-1]
            logits = (raw.get("one2many", raw) if isinstance(raw, dict) else raw)["scores"]
            best = logits.amax(1).topk(min(8, logits.shape[2]), dim=1).values
            if bool((best[:, 2:3] > wanted).all()):
                return pixels.detach().clamp(0, 1).numpy()
            (-best.clamp(max=float(wanted) + 1).mean()).backward()
            optimiser.step()
            with torch.no_grad():
                pixels.clamp_(0, 1)
            if time.monotonic() > ends:
                break
        return pixels.detach().clamp(0, 1).numpy()


def _anchors_limit(images: Images, model: Any, max_detections: int) -> int:
    """The exporter never asks for more detections than the grid has anchors; nor may the reference."""
    height, width = images.shape[2:]
    strides = model.stride.tolist()
    return min(max_detections, sum(int(height / s) * int(width / s) for s in strides))


class OnnxSource(SourceModel):
    """An ONNX graph; its reference is ONNX Runtime on the file as it was uploaded."""

    kind = "onnx"

    def __init__(self, path: Path) -> None:
        from deployhub.engine.onnx_file import onnx_facts

        self.path = path
        facts = onnx_facts(path)
        self.input_shape: list[int | None] = facts.input_shape
        self.task = facts.task
        self.class_names = facts.class_names
        self.stride = facts.stride or 1
        self.channels = self.input_shape[1] or 3
        known = [side for side in self.input_shape[2:4] if side]
        self.image_size_px = known if len(known) == 2 else facts.image_size_px or [640, 640]
        self.end_to_end_head = bool(facts.end_to_end)
        self._head = NMS if facts.nms else END_TO_END if facts.end_to_end else RAW

    def head(self, options: Any) -> str:
        return self._head

    @cached_property
    def _runner(self) -> Runner:
        from deployhub.engine.formats.onnx import OnnxRunner

        return OnnxRunner(self.path)

    def reference(self, images: Images, *, options: Any) -> list[NamedOutput]:
        return self._runner.run(images)

    def predict(self, images: Images, *, options: Any) -> None:
        self._runner.run(images)


def source_load(path: Path, *, kind: str) -> SourceModel:
    """Load a source for inspection or export, of the kind that the intake found.

    Only ever called inside the confined child. Raises EngineError.
    """
    if kind == "onnx":
        return OnnxSource(path)
    from deployhub.engine.intake import pt_load

    model, checkpoint = pt_load(path)
    if not hasattr(model, "model") or getattr(model, "task", None) not in ALL_TASKS:
        raise EngineError(
            ErrorCode.NOT_A_YOLO_MODEL,
            "This checkpoint holds a network, but not for one of the five YOLO tasks.",
            "Upload a .pt file that Ultralytics saved during training, such as best.pt.",
        )
    return PtSource(path, model, checkpoint)
