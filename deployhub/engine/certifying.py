"""Certify an artifact: source and artifact over the same pictures once, everything else from what they answered."""

from __future__ import annotations

import hashlib
import itertools
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deployhub.engine.checking import Bench, Check, Seen, Shown, checks_discover
from deployhub.engine.checks.budget import DIRECTIONS, budget_default
from deployhub.engine.decoding import detections_decode
from deployhub.engine.evaluation import EvaluationSet, Picture
from deployhub.engine.fingerprint import machine_describe, toolchain_versions
from deployhub.engine.plugin import Format, Runner
from deployhub.engine.spec import EngineError, ErrorCode

if TYPE_CHECKING:
    from deployhub.engine.plugin import Images, NamedOutput
    from deployhub.engine.source import SourceModel

DRAWN_IMAGES = 16
VIEWED_WORST, VIEWED_TYPICAL = 24, 6
VIEWED_SIDE_PX = 640
SHOWN_FROM = 0.25
JPEG_QUALITY = 85
BLOCK_IMAGES = 32

Emit = Callable[[dict[str, Any]], None]


@dataclass
class _Kept:
    """What the viewer may show of an image: detections alone, the pixels are read again."""

    index: int
    name: str
    badness: float
    source: list[list[float]]
    artifact: list[list[float]]


def certify(
    spec: dict[str, Any],
    *,
    source: SourceModel,
    chosen: Format,
    options: Any,
    workdir: Path,
    emit: Emit,
) -> dict[str, Any]:
    """Measure, judge and show; see spec.CertifyResult. A runtime that fails is a finding, not an error."""
    artifact = workdir / "in" / "artifact"
    precision = str(getattr(options, "precision", "fp32"))
    budget = spec.get("budget")
    budget = budget_default(precision) if budget is None else _budget_checked(budget)
    started = time.monotonic()
    pictures = _pictures(spec, source=source, options=options, workdir=workdir)
    result: dict[str, Any] = {
        "outcome": "unverified", "reason": "", "lines": [], "metrics": {}, "images": 0, "inputs_sha256": "",
        "weights_sha256": weights_sha256(source), "graph": chosen.described(artifact / chosen.stable_name),
        "viewed": [], "files": [], "runtime": {}, "latency_ms": {}, "toolchain": toolchain_versions(),
        "machine": machine_describe(),
    }  # fmt: skip
    emit({"type": "phase", "name": "Opening the artifact", "total": None, "unit": ""})
    bench = Bench(source, chosen, options, artifact, budget, has_truth=isinstance(pictures, EvaluationSet))
    opening = time.perf_counter()
    try:
        runner = chosen.open(artifact / chosen.stable_name, options=options)
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever a runtime raises, the file does not open
        return result | _not_opened(chosen, error)
    bench.load_ms = (time.perf_counter() - opening) * 1000
    result["runtime"] = {"name": runner.runtime, "version": runner.version, "device": runner.device}
    checks = [made(bench) for made in checks_discover()]
    total = len(pictures) if isinstance(pictures, EvaluationSet) else DRAWN_IMAGES
    emit({"type": "phase", "name": "Running both", "total": total, "unit": "images"})
    running = _Pass(bench, runner, checks, emit)
    broken = running.run(pictures)
    ran = time.monotonic()
    emit({"type": "phase", "name": "Measuring", "total": None, "unit": ""})
    result["images"], result["inputs_sha256"] = running.images, running.digest.hexdigest()
    for check in checks:
        result["lines"] += check.lines()
        result["metrics"] |= check.metrics()
    if broken:
        result["lines"].insert(0, bench.line("tensors", broken, None, holds=False))
    result["outcome"], result["reason"] = _judge(result["lines"], checks)
    result["latency_ms"] = {
        side: round(statistics.median(times), 3) for side, times in bench.times_ms.items() if times
    }
    if isinstance(pictures, EvaluationSet):
        result["viewed"] = _view(running.kept, pictures, out=workdir / "out")
    result["durations_s"] = {
        "run": round(ran - started, 3), "measure": round(time.monotonic() - ran, 3),
    }  # fmt: skip
    return result


def _budget_checked(budget: Any) -> dict[str, float]:
    if not isinstance(budget, dict) or not set(budget) <= set(DIRECTIONS):
        raise EngineError(ErrorCode.INVALID_OPTIONS, "The budget names a limit that no check knows.", "")
    return {name: float(value) for name, value in budget.items() if value is not None}


def _not_opened(chosen: Format, error: Exception) -> dict[str, Any]:
    """A runtime that is not here says nothing about the file; one that is here and can't open it, all."""
    line = next((text.strip() for text in str(error).splitlines() if text.strip()), type(error).__name__)[
        :300
    ]
    if isinstance(error, NotImplementedError | ImportError):
        return {"outcome": "unverified", "reason": f"{chosen.label} can't be run here: {line}"}
    return {"outcome": "failed", "reason": f"The artifact does not open in its runtime: {line}"}


def _first_line(error: BaseException) -> str:
    return next((text.strip() for text in str(error).splitlines() if text.strip()), type(error).__name__)[
        :300
    ]


def _judge(lines: list[Any], checks: list[Check]) -> tuple[str, str]:
    broken = [line for line in lines if line["holds"] is False]
    if broken:
        return "failed", ""
    for check in checks:
        if reason := check.unproven():
            return "unverified", reason
    return "passed", ""


def _pictures(
    spec: dict[str, Any], *, source: SourceModel, options: Any, workdir: Path
) -> EvaluationSet | Iterator[Picture]:
    from deployhub.engine.comparison import image_shape

    height, width = image_shape(source=source, options=options)
    if spec.get("dataset"):
        path = (workdir / str(spec["dataset"])).resolve()
        if not path.is_relative_to(workdir / "in"):
            raise EngineError(
                ErrorCode.ENGINE_ERROR, "The evaluation set is not in the work folder.", "Try again."
            )
        return EvaluationSet(
            path, task=source.task or "", height=height, width=width, channels=source.channels,
            limit=int(spec.get("images_limit") or 500),
        )  # fmt: skip
    return _drawn(source, height=height, width=width, seed=int(spec.get("seed") or 0))


def _drawn(source: SourceModel, *, height: int, width: int, seed: int) -> Iterator[Picture]:
    from deployhub.engine.probe_images import noise_draw, shapes_draw

    shape = {"count": 1, "channels": source.channels, "height": height, "width": width}
    for number in range(DRAWN_IMAGES):
        draw = noise_draw if number % 8 == 7 else shapes_draw
        yield Picture(f"drawn {number + 1}", draw(seed=seed + number, **shape)[0])


class _Pass:
    """One pass over the pictures, batch by batch."""

    def __init__(self, bench: Bench, runner: Runner, checks: list[Check], emit: Emit) -> None:
        self.bench, self.runner, self.checks, self.emit = bench, runner, checks, emit
        self.images = 0
        self.digest = hashlib.sha256()
        self.kept: list[_Kept] = []
        self._warm: set[str] = set()
        model = getattr(bench.source, "model", None)
        shape = getattr(model.model[-1], "kpt_shape", None) if model is not None else None
        self._keypoints = tuple(shape) if shape else None

    def run(self, pictures: Any) -> str:
        """Run all; returns why the artifact could not go on, or nothing."""
        from deployhub.engine.comparison import batch_size

        size = batch_size(source=self.bench.source, options=self.bench.options)
        source = pictures.pictures() if isinstance(pictures, EvaluationSet) else pictures
        while block := list(itertools.islice(source, max(BLOCK_IMAGES // size, 1) * size)):
            if broken := self._block([block[at : at + size] for at in range(0, len(block), size)], size):
                return broken
        return ""

    def _block(self, batches: list[list[Picture]], size: int) -> str:
        """The source over some batches, then the artifact over the same.

        Taking turns at every batch would let the threads of one runtime spin while the other computes.
        """
        inputs = [self._input(pictures, size) for pictures in batches]
        expected = [
            self._timed("source", lambda images=images: self._source(images))  # type: ignore[misc]
            for images in inputs
        ]
        found = []
        for images in inputs:
            try:
                found.append(self._timed("artifact", lambda images=images: self.runner.run(images)))  # type: ignore[misc]
            except MemoryError:
                raise
            except Exception as error:  # noqa: BLE001 - a runtime that fails on an input has failed the certificate
                return f"The artifact failed on an input: {_first_line(error)}"
        for pictures, images, want, have in zip(batches, inputs, expected, found, strict=True):
            if broken := self._batch(pictures, images, want, have):
                return broken
        return ""

    def _input(self, pictures: list[Picture], size: int) -> Images:
        import numpy as np

        # A graph of fixed batch takes no less: the last picture stands in for those that lack.
        filled = pictures + [pictures[-1]] * (size - len(pictures))
        images: Images = np.ascontiguousarray(np.stack([picture.pixels for picture in filled]))
        self.digest.update(images.tobytes())
        return images

    def _source(self, images: Images) -> list[NamedOutput]:
        return self.bench.source.reference(images, options=self.bench.options)

    def _timed(self, side: str, call: Callable[[], list[NamedOutput]]) -> list[NamedOutput]:
        """Call, and keep the time; not of the first, which warms the runtime up."""
        started = time.perf_counter()
        answer = call()
        times = self.bench.times_ms.setdefault(side, [])
        if side in self._warm:
            times.append((time.perf_counter() - started) * 1000)
        self._warm.add(side)
        return answer

    def _batch(
        self, pictures: list[Picture], images: Images, expected: list[NamedOutput], found: list[NamedOutput]
    ) -> str:
        for check in self.checks:
            check.outputs_hear(expected, found, images)
        shape = (images.shape[2], images.shape[3])
        source = self._decoded(expected, shape)
        try:
            artifact = self._decoded(found, shape)
        except (ValueError, IndexError, RuntimeError) as error:
            return f"The artifact's outputs can't be read as detections: {_first_line(error)}"
        for index, picture in enumerate(pictures):
            self._image(picture, source[index], artifact[index])
        return ""

    def _decoded(self, outputs: Any, shape: tuple[int, int]) -> list[Seen]:
        source = self.bench.source
        return detections_decode(
            outputs, task=self.bench.task, head=self.bench.head, classes=len(source.class_names or []), shape=shape,
            keypoints=self._keypoints,
        )  # fmt: skip

    def _image(self, picture: Picture, source: Seen, artifact: Seen) -> None:
        shown = Shown(self.images, picture.name, source, artifact, picture.truth)
        for check in self.checks:
            check.image_hear(shown)
        self.kept.append(
            _Kept(
                shown.index,
                shown.name,
                round(shown.badness, 4),
                _rows(source, self.bench),
                _rows(artifact, self.bench),
            )
        )
        self.images += 1
        self.emit({"type": "progress", "done": self.images})


def _rows(seen: Seen, bench: Bench) -> list[list[float]]:
    """Rows of the viewer: corners, score and class of what people are shown; score and class for classification."""
    if bench.task == "classify" or seen.boxes is None or seen.classes is None:
        best = seen.scores.argsort()[::-1][:3]
        return [[float(seen.scores[at]), float(at)] for at in best]
    sure = seen.above(SHOWN_FROM)
    assert sure.boxes is not None
    assert sure.classes is not None
    boxes = _upright(sure.boxes) if sure.boxes.shape[1] == 5 else sure.boxes
    return [
        [*(round(float(value), 1) for value in box), round(float(score), 4), float(number)]
        for box, score, number in zip(boxes, sure.scores, sure.classes, strict=True)
    ]


def _upright(rotated: Any) -> Any:
    """The upright box around each rotated one: (n, 5) centre, size, angle → (n, 4) corners."""
    import numpy as np

    x, y, width, height, angle = rotated.T
    cosine, sine = np.abs(np.cos(angle)), np.abs(np.sin(angle))
    across, down = (width * cosine + height * sine) / 2, (width * sine + height * cosine) / 2
    return np.stack([x - across, y - down, x + across, y + down], axis=1)


def _view(kept: list[_Kept], pictures: EvaluationSet, *, out: Path) -> list[dict[str, Any]]:
    """The worst images and some typical ones as JPEGs, with what both sides see in them."""
    import cv2
    import numpy as np

    ranked = sorted(kept, key=lambda one: (-one.badness, one.index))
    worst, rest = ranked[:VIEWED_WORST], ranked[VIEWED_WORST:]
    step = max(1, len(rest) // VIEWED_TYPICAL)
    folder = out / "pictures"
    folder.mkdir(parents=True, exist_ok=True)
    viewed = []
    for position, one in enumerate(worst + rest[::step][:VIEWED_TYPICAL]):
        pixels = pictures.picture(one.index).pixels
        image: Any = (np.clip(pixels.transpose(1, 2, 0), 0, 1) * 255).round().astype(np.uint8)
        image = image[:, :, ::-1] if image.shape[2] == 3 else image[:, :, :1]
        height, width = image.shape[:2]
        scale = min(1.0, VIEWED_SIDE_PX / max(height, width))
        if scale < 1:
            image = cv2.resize(
                image, (round(width * scale), round(height * scale)), interpolation=cv2.INTER_AREA
            )
        name = f"pictures/{position:03d}.jpg"
        cv2.imwrite(str(out / name), np.ascontiguousarray(image), [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
        viewed.append(
            {
                "file": name,
                "name": one.name,
                "width_px": image.shape[1],
                "height_px": image.shape[0],
                "badness": min(max(one.badness, 0.0), 1.0),
                "source": _scaled(one.source, scale),
                "artifact": _scaled(one.artifact, scale),
            }
        )
    return viewed


def _scaled(rows: list[list[float]], scale: float) -> list[list[float]]:
    return [[*(value * scale for value in row[:-2]), *row[-2:]] for row in rows]


def weights_sha256(source: SourceModel) -> str:
    """A digest of the source's numbers, whatever file they come in: names, shapes and bytes of every tensor, sorted."""
    model = getattr(source, "model", None)
    digest = hashlib.sha256()
    if model is None:
        digest.update(source.path.read_bytes())
        return digest.hexdigest()
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}\n".encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
