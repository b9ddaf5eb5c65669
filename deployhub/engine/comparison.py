"""Is an exported model still the same model? Outputs of source and export, side by side.

A raw output is compared number by number. Errors are measured against the size of what they disturb: box
coordinates run to hundreds of pixels and scores stay below one, so one tolerance in absolute numbers would
let every score be wrong. Final detections (NMS, NMS-free head) are lists whose order means little: they are
compared as sets, detection by detection.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from deployhub.engine.plugin import NamedOutput, Runner
from deployhub.engine.probe_images import noise_draw, shapes_draw
from deployhub.engine.source import END_TO_END, NMS, RAW, SourceModel

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from deployhub.engine.plugin import Images

    Values = NDArray[np.float64]

# Share of the largest value of its kind by which any number may differ. fp32: reordered sums and fused
# layers, seen below 1e-4 on all tasks. fp16: 11 bits of mantissa through some hundred layers.
TOLERANCES = {"fp32": 1e-3, "fp16": 3e-2, "int8w": 1e-1}
# Overlap of boxes near the threshold can tip a suppression either way; that many may go unmatched.
MATCHED_MINIMUM = {"fp32": 0.99, "fp16": 0.9, "int8w": 0.9}
TINY = 1e-12
# A model that sees nothing in the test images scores in the millionths; half precision rounds those coarsely,
# and nobody's threshold is that low. Scores weigh at least as much as this one.
SCORE_SCALE_MINIMUM = 0.01
BOX_COLUMNS = 4


@dataclass
class OutputMeasure:
    """Running comparison of one output over several inputs."""

    name: str
    shape: list[int]
    max_abs_error: float = 0.0
    error_sum: float = 0.0
    count: int = 0
    relative_error: float = 0.0
    dot: float = 0.0
    source_norm: float = 0.0
    artifact_norm: float = 0.0
    finite: bool = True
    detections: int = 0
    matched: int = 0
    counts_detections: bool = False

    def add(self, source: Values, artifact: Values) -> float:
        """Add one pair of equally shaped blocks; returns the largest absolute error in it."""
        import numpy as np

        if not source.size:
            return 0.0
        if not (np.isfinite(source).all() and np.isfinite(artifact).all()):
            self.finite = False
            return float("inf")
        error = np.abs(source - artifact)
        largest = float(error.max())
        self.max_abs_error = max(self.max_abs_error, largest)
        self.error_sum += float(error.sum())
        self.count += error.size
        self.dot += float((source * artifact).sum())
        self.source_norm += float((source**2).sum())
        self.artifact_norm += float((artifact**2).sum())
        return largest

    def describe(self) -> dict[str, Any]:
        norms = (self.source_norm * self.artifact_norm) ** 0.5
        entry: dict[str, Any] = {
            "name": self.name,
            "shape": self.shape,
            "max_abs_error": self.max_abs_error if self.finite else None,
            "mean_abs_error": self.error_sum / self.count if self.count and self.finite else None,
            "relative_error": self.relative_error if self.finite else None,
            "cosine": min(1.0, self.dot / norms) if norms > TINY and self.finite else None,
        }
        if self.counts_detections:
            entry |= {"detections": self.detections, "matched": self.matched}
        return entry


@dataclass
class Comparison:
    """The verdict, and the numbers that it rests on."""

    tolerance: float
    matched_minimum: float
    metric: str
    inputs_compared: int = 0
    outputs: dict[int, OutputMeasure] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    nothing_seen: bool = False
    variation: float = 0.0

    @property
    def passed(self) -> bool:
        return not self.reason

    @property
    def reason(self) -> str:
        """Why the export is not proven equal, as a sentence; empty when it is."""
        if self.problems:
            return self.problems[0]
        if not self.inputs_compared:
            return "Nothing was compared."
        if self.inputs_compared > 1 and self.variation <= self.tolerance and not self.nothing_seen:
            return (
                "The source gives the same answer for every test image, as an untrained model does, "
                "so that equal answers prove nothing."
            )
        for measure in self.outputs.values():
            if not measure.finite:
                return f"{measure.name} holds values that are not numbers."
            if measure.counts_detections:
                if not measure.detections:
                    continue
                share = measure.matched / measure.detections
                if share < self.matched_minimum:
                    return f"Only {measure.matched} of {measure.detections} detections are the same in the export."
            if measure.relative_error > self.tolerance:
                return (
                    f"{measure.name} differs from the source by {measure.relative_error:.2g} of its range; "
                    f"up to {self.tolerance:g} is accepted."
                )
        if self.nothing_seen:
            return (
                "The model detects nothing in the test images, so there was no detection to compare. "
                "Export it without NMS to have its raw outputs compared."
            )
        return ""

    def describe(self) -> dict[str, Any]:
        return {
            "passed": self.passed,
            "tolerance": self.tolerance,
            "metric": self.metric,
            "outputs": [self.outputs[index].describe() for index in sorted(self.outputs)],
            "inputs_compared": self.inputs_compared,
        }


def artifact_compare(
    *,
    source: SourceModel,
    runner: Runner,
    options: Any,
    seed: int,
    advance: Callable[[int], None] = lambda done: None,
) -> Comparison:
    """Run source and export on the same images and measure how far apart they are."""
    precision = getattr(options, "precision", "fp32")
    head = source.head(options)
    comparison = Comparison(
        tolerance=TOLERANCES[precision],
        matched_minimum=MATCHED_MINIMUM[precision],
        metric="relative_error" if head == RAW else "detections",
    )
    answers: list[list[NamedOutput]] = []
    batches = list(images_choose(source=source, options=options, seed=seed))
    for done, images in enumerate(batches, start=1):
        answer = _compare_once(
            comparison, source=source, runner=runner, options=options, images=images, head=head
        )
        answers.append(answer)
        advance(done)
    comparison.variation = variation_measure(answers, source=source, head=head)
    if head == NMS and not comparison.problems and not _seen(comparison):
        provoked = source.provoke(batches[0], options=options)
        if provoked is not None:
            answers.append(
                _compare_once(
                    comparison, source=source, runner=runner, options=options, images=provoked, head=head
                )
            )
            comparison.variation = variation_measure([answers[0], answers[-1]], source=source, head=head)
        comparison.nothing_seen = not _seen(comparison)
    return comparison


def _seen(comparison: Comparison) -> bool:
    first = comparison.outputs.get(0)
    # What can't be counted (a graph whose first output is no list of detections) counts as seen.
    return first is None or not first.counts_detections or not first.finite or first.detections > 0


def images_choose(*, source: SourceModel, options: Any, seed: int) -> Iterator[Images]:
    """Two drawn scenes and noise at the export's shape; with dynamic axes another shape as well."""
    height, width = image_shape(source=source, options=options)
    batch = batch_size(source=source, options=options)
    shape = {"count": batch, "channels": source.channels, "height": height, "width": width}
    yield shapes_draw(seed=seed, **shape)
    yield shapes_draw(seed=seed + 1, **shape)
    yield noise_draw(seed=seed + 2, **shape)
    if getattr(options, "dynamic", False):
        step = max(source.stride, 32)
        other = {**shape, "count": 1 if batch > 1 or options.nms else 2, "width": width + step}
        yield shapes_draw(seed=seed + 3, **other)


def image_shape(*, source: SourceModel, options: Any) -> tuple[int, int]:
    """(height, width) that the export takes; a graph with fixed axes keeps its own."""
    if source.kind == "onnx":
        return source.image_size_px[0], source.image_size_px[1]
    return options.image_size_px, options.image_size_px


def batch_size(*, source: SourceModel, options: Any) -> int:
    fixed = getattr(source, "input_shape", None)
    return (fixed[0] or 1) if fixed else getattr(options, "batch", 1)


def _compare_once(
    comparison: Comparison, *, source: SourceModel, runner: Runner, options: Any, images: Images, head: str
) -> list[NamedOutput]:
    expected = source.reference(images, options=options)
    found = runner.run(images)
    outputs_compare(comparison, expected, found, source=source, side=max(images.shape[2:]), head=head)
    return expected


def outputs_compare(
    comparison: Comparison,
    expected: list[NamedOutput],
    found: list[NamedOutput],
    *,
    source: SourceModel,
    side: int,
    head: str,
) -> None:
    """Take one pair of answers to the same images into the comparison. side: longer side of the input, pixels."""
    comparison.inputs_compared += 1
    if len(expected) != len(found):
        comparison.problems.append(f"The export has {len(found)} outputs, the source {len(expected)}.")
        return
    for index, (want, have) in enumerate(zip(expected, found, strict=True)):
        measure = comparison.outputs.setdefault(index, OutputMeasure(have.name, list(have.values.shape)))
        if want.values.ndim != have.values.ndim or want.values.shape[0] != have.values.shape[0]:
            comparison.problems.append(
                f"{have.name} has the shape {list(have.values.shape)}, the source {list(want.values.shape)}."
            )
            return
        if index == 0 and head in (NMS, END_TO_END) and want.values.ndim == 3:
            _compare_detections(comparison, measure, want.values, have.values, side=side)
        elif want.values.shape != have.values.shape:
            comparison.problems.append(
                f"{have.name} has the shape {list(have.values.shape)}, the source {list(want.values.shape)}."
            )
            return
        else:
            _compare_values(measure, want, have, source=source, first=index == 0)


def variation_measure(answers: list[list[NamedOutput]], *, source: SourceModel, head: str) -> float:
    """How much the source's answers differ between images, as a share of their range.

    A network that answers every image alike would make any export look right.
    """
    import numpy as np

    largest = 0.0
    for first, other in itertools.pairwise(answers):
        for index, (left, right) in enumerate(zip(first, other, strict=True)):
            if left.values.shape != right.values.shape:
                continue
            detections = index == 0 and head != RAW and left.values.ndim == 3
            one, two = left.values, right.values
            if detections:
                one, two = one.swapaxes(1, 2), two.swapaxes(1, 2)
            groups = (
                [
                    (slice(column, column + 1), TINY if column < BOX_COLUMNS else SCORE_SCALE_MINIMUM)
                    for column in range(BOX_COLUMNS + 1)
                ]
                if detections
                else _channel_groups(one.shape, source=source, first=index == 0)
            )
            for channels, floor in groups:
                scale = float(np.abs(one[:, channels]).max(initial=0.0))
                spread = float(np.abs(one[:, channels] - two[:, channels]).max(initial=0.0))
                largest = max(largest, spread / max(scale, floor))
    return largest


def _compare_values(
    measure: OutputMeasure, want: NamedOutput, have: NamedOutput, *, source: SourceModel, first: bool
) -> None:
    import numpy as np

    wanted, got = want.values.astype(np.float64), have.values.astype(np.float64)
    for channels, floor in _channel_groups(wanted.shape, source=source, first=first):
        largest = measure.add(wanted[:, channels], got[:, channels])
        scale = float(np.abs(wanted[:, channels]).max(initial=0.0)) if measure.finite else 1.0
        measure.relative_error = max(measure.relative_error, largest / max(scale, floor))


def _channel_groups(shape: tuple[int, ...], *, source: SourceModel, first: bool) -> list[tuple[slice, float]]:
    """Split the channels of a raw prediction (N, 4 + classes + extras, anchors) into what they mean.

    Each group comes with the least scale that its errors are measured against.
    """
    if not first or source.task == "classify" or len(shape) != 3 or source.class_names is None:
        return [(slice(None), TINY)]
    scores_end = BOX_COLUMNS + len(source.class_names)
    if shape[1] < scores_end:
        return [(slice(None), TINY)]
    groups = [(slice(0, BOX_COLUMNS), TINY), (slice(BOX_COLUMNS, scores_end), SCORE_SCALE_MINIMUM)]
    if shape[1] > scores_end:
        groups.append((slice(scores_end, None), TINY))
    return groups


def _compare_detections(
    comparison: Comparison, measure: OutputMeasure, wanted: Any, got: Any, *, side: int
) -> None:
    """Match rows (4 box values, score, class, extras) of (N, rows, columns), each with one of the other side."""
    import numpy as np

    measure.counts_detections = True
    if wanted.shape[2] != got.shape[2]:
        comparison.problems.append(
            f"{measure.name} has {got.shape[2]} values for a detection, the source {wanted.shape[2]}."
        )
        return
    if not (np.isfinite(wanted).all() and np.isfinite(got).all()):
        measure.finite = False
        return
    for want_rows, got_rows in zip(wanted.astype(np.float64), got.astype(np.float64), strict=True):
        want_rows, got_rows = want_rows[want_rows[:, 4] > 0], got_rows[got_rows[:, 4] > 0]
        scale = _column_scales(want_rows, side=side)
        pairs, lost = _match(want_rows, got_rows, scale, tolerance=comparison.tolerance)
        extra = sorted(set(range(len(got_rows))) - {found for _, found in pairs})
        missing = _not_borderline(want_rows, lost, got_rows, comparison.tolerance)
        added = _not_borderline(got_rows, extra, want_rows, comparison.tolerance)
        measure.detections += len(pairs) + missing + added
        measure.matched += len(pairs)
        if pairs:
            left, right = want_rows[[i for i, _ in pairs]], got_rows[[j for _, j in pairs]]
            measure.add(left, right)
            worst = float((np.abs(left - right) / scale).max())
            measure.relative_error = max(measure.relative_error, worst)


def _not_borderline(rows: Values, unmatched: list[int], others: Values, tolerance: float) -> int:
    """Count unmatched rows, but for those that rounding may have pushed over the lowest score kept."""
    if not unmatched:
        return 0
    floor = min(
        float(rows[:, 4].min()), float(others[:, 4].min()) if len(others) else float(rows[:, 4].min())
    )
    margin = tolerance * max(float(rows[:, 4].max()), SCORE_SCALE_MINIMUM)
    return sum(1 for row in unmatched if not len(others) or rows[row, 4] > floor + margin)


def _column_scales(rows: Values, *, side: int) -> Values:
    """By how much one unit of error weighs in each column: pixels against the image, the rest by range."""
    import numpy as np

    scale = np.ones(rows.shape[1])
    scale[:BOX_COLUMNS] = side
    scale[4] = max(float(rows[:, 4].max(initial=0.0)), SCORE_SCALE_MINIMUM)
    if rows.shape[1] > 6:
        scale[6:] = max(float(np.abs(rows[:, 6:]).max(initial=0.0)), 1.0)
    return scale


def _match(
    rows: Values, others: Values, scale: Values, *, tolerance: float
) -> tuple[list[tuple[int, int]], list[int]]:
    """Pair each row with the closest free row of the same class that lies within the tolerance."""
    import numpy as np

    pairs: list[tuple[int, int]] = []
    unmatched: list[int] = []
    free = np.ones(len(others), dtype=bool)
    for index, row in enumerate(rows):
        if not free.any():
            unmatched.append(index)
            continue
        distance = (np.abs(others - row) / scale).max(axis=1)
        distance[(others[:, 5] != row[5]) | ~free] = np.inf
        best = int(distance.argmin())
        if distance[best] <= tolerance:
            pairs.append((index, best))
            free[best] = False
        else:
            unmatched.append(index)
    return pairs, unmatched
