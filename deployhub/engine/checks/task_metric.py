"""The task's own metric on the evaluation set, for source and artifact, with the interval of its difference."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from deployhub.engine.average_precision import Tally, average_precision, difference_interval, right_ones
from deployhub.engine.checking import Bench, Check, Seen, Shown, Truth
from deployhub.engine.overlap import box_overlaps, keypoint_overlaps, overlaps

if TYPE_CHECKING:
    from deployhub.engine.checking import Floats
    from deployhub.engine.spec import CheckLine

RESAMPLES = 1_000
SEED = 0
TOP = 5
NAMES = {
    "map50_95": "mAP50-95", "map50": "mAP50", "mask_map50_95": "Mask mAP50-95", "mask_map50": "Mask mAP50",
    "pose_map50_95": "Pose mAP50-95", "pose_map50": "Pose mAP50", "top1": "Top-1 accuracy", "top5": "Top-5 accuracy",
}  # fmt: skip
JUDGED = ("map50_95", "mask_map50_95", "pose_map50_95", "top1")


class TaskMetric(Check):
    key = "task_metric"
    order = 3

    def __init__(self, bench: Bench) -> None:
        super().__init__(bench)
        self._tallies: dict[str, tuple[Tally, Tally]] = {}
        self._labels: list[Any] = []
        self._tops: list[tuple[bool, bool, bool, bool]] = []
        self._made: dict[str, dict[str, float]] | None = None

    def image_hear(self, shown: Shown) -> None:
        truth = shown.truth
        if truth is None:
            return
        if self.bench.task == "classify":
            if truth.top is not None:
                self._tops.append(
                    (*_top(shown.source.scores, truth.top), *_top(shown.artifact.scores, truth.top))
                )
            return
        index = len(self._labels)
        self._labels.append(truth.classes)
        for side, seen in enumerate((shown.source, shown.artifact)):
            for prefix, overlap in self._overlaps(truth, seen).items():
                tally = self._tallies.setdefault(prefix, (Tally(), Tally()))[side]
                tally.add(index, right_ones(overlap, seen.classes, truth.classes), seen.scores, seen.classes)

    def _overlaps(self, truth: Truth, seen: Seen) -> dict[str, Floats]:
        found = {"": box_overlaps(truth, seen, task=self.bench.task)}
        if self.bench.task == "segment":
            found["mask_"] = overlaps(truth, seen, task="segment")
        if self.bench.task == "pose":
            found["pose_"] = keypoint_overlaps(truth, seen)
        return found

    def metrics(self) -> dict[str, dict[str, float]]:
        if self._made is None:
            self._made = self._classified() if self.bench.task == "classify" else self._detected()
        return self._made

    def _detected(self) -> dict[str, dict[str, float]]:
        import numpy as np

        if not self._labels or not sum(len(one) for one in self._labels):
            return {}
        true_classes = np.concatenate(self._labels)
        classes = max(len(self.bench.source.class_names or []), int(true_classes.max()) + 1)
        counts = np.stack([np.bincount(one.astype(int), minlength=classes)[:classes] for one in self._labels])
        made: dict[str, dict[str, float]] = {}
        for prefix, (source, artifact) in self._tallies.items():
            interval = difference_interval(source, artifact, counts, seed=SEED)
            figures = (average_precision(source, true_classes), average_precision(artifact, true_classes))
            for place, name in enumerate(("map50_95", "map50")):
                made[prefix + name] = _metric(figures[0][place], figures[1][place], interval[name])
        return made

    def _classified(self) -> dict[str, dict[str, float]]:
        import numpy as np

        if not self._tops:
            return {}
        tops = np.array(self._tops, dtype=np.float64)
        generator = np.random.default_rng(SEED)
        draws = generator.integers(0, len(tops), size=(RESAMPLES, len(tops)))
        made = {}
        for name, source, artifact in (("top1", 0, 2), ("top5", 1, 3)):
            apart = tops[:, artifact] - tops[:, source]
            low, high = np.percentile(apart[draws].mean(axis=1), [2.5, 97.5])
            made[name] = _metric(tops[:, source].mean(), tops[:, artifact].mean(), (float(low), float(high)))
        return made

    def lines(self) -> list[CheckLine]:
        made = []
        for name, values in self.metrics().items():
            judged = name in JUDGED
            loss = 0.0 - values["difference"]
            made.append(
                self.bench.line(
                    "task_metric", f"{NAMES[name]}, loss", loss, budget="metric_loss" if judged else "",
                    detail=f"source {values['source']:.4f}, artifact {values['artifact']:.4f}",
                )
            )  # fmt: skip
            if judged:
                made.append(
                    self.bench.line(
                        "task_metric", f"{NAMES[name]}, loss at most (95 %)", 0.0 - values["low"],
                        budget="metric_loss_high",
                    )
                )  # fmt: skip
        return made

    def unproven(self) -> str:
        if not self.bench.has_truth:
            return "No evaluation set was given, so the task metric of the artifact is not known."
        found = self.metrics()
        if not found:
            return "The evaluation set has no labels that this model's classes could be measured with."
        if max(values["source"] for values in found.values()) <= 0:
            return "The source gets nothing right on the evaluation set, so an equal artifact proves nothing."
        return ""


def _metric(source: float, artifact: float, interval: tuple[float, float]) -> dict[str, float]:
    return {
        "source": float(source),
        "artifact": float(artifact),
        "difference": float(artifact - source),
        "low": interval[0],
        "high": interval[1],
    }


def _top(scores: Any, right: int) -> tuple[bool, bool]:
    import numpy as np

    if not np.isfinite(scores).all():
        return False, False
    best = np.argsort(-scores, kind="stable")[:TOP]
    return bool(best[0] == right), bool(right in best)


CHECK = TaskMetric
