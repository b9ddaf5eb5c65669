"""What both sides see, after the same suppression of overlaps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deployhub.engine.checking import Bench, Check, Shown
from deployhub.engine.overlap import overlaps, paired

if TYPE_CHECKING:
    from deployhub.engine.spec import CheckLine

SURE = 0.25
"""What is shown to people: detections from this score on."""
BORDERLINE = 0.15
"""The other side of a sure detection may score as low: rounding tips scores over any threshold."""
SAME_PLACE = 0.5


class Detections(Check):
    key = "detections"
    order = 2

    def __init__(self, bench: Bench) -> None:
        super().__init__(bench)
        self._wanted = self._matched = self._agreeing = self._pairs = 0
        self._images = self._seen_images = 0
        self._overlap = self._shift = self._distance = 0.0
        self._least_overlap = 1.0
        self._points = 0

    def image_hear(self, shown: Shown) -> None:
        self._images += 1
        if self.bench.task == "classify":
            self._classified(shown)
            return
        wanted = matched = 0
        apart = 0.0
        sides = ((shown.source, shown.artifact), (shown.artifact, shown.source))
        for counted, (mine, other) in enumerate(sides):
            sure, candidates = mine.above(SURE), other.above(BORDERLINE)
            pairs = paired(overlaps(sure, candidates, task=self.bench.task), least=SAME_PLACE)
            wanted += len(sure.scores)
            matched += len(pairs)
            if counted == 0:
                apart = self._measure(shown, pairs)
        self._wanted += wanted
        self._matched += matched
        self._seen_images += wanted > 0
        missing = 1 - matched / wanted if wanted else 0.0
        shown.badness = max(shown.badness, missing, apart)

    def _measure(self, shown: Shown, pairs: list[tuple[int, int]]) -> float:
        """Take the pairs of source and artifact in; returns how far apart they are in this image, 0 to 1."""
        import numpy as np

        if not pairs:
            return 0.0
        source, artifact = shown.source.above(SURE), shown.artifact.above(BORDERLINE)
        assert source.classes is not None
        assert artifact.classes is not None
        overlap = overlaps(source, artifact, task=self.bench.task)
        first, second = [one for one, _ in pairs], [two for _, two in pairs]
        values = overlap[first, second]
        shifts = np.abs(source.scores[first] - artifact.scores[second])
        agree = source.classes[first] == artifact.classes[second]
        self._pairs += len(pairs)
        self._overlap += float(values.sum())
        self._least_overlap = min(self._least_overlap, float(values.min()))
        self._shift += float(shifts.sum())
        self._agreeing += int(agree.sum())
        if source.keypoints is not None and artifact.keypoints is not None:
            assert source.boxes is not None
            sides = np.maximum(source.boxes[first, 2:4] - source.boxes[first, :2], 1.0).max(axis=1)
            between = np.linalg.norm(
                source.keypoints[first, :, :2] - artifact.keypoints[second, :, :2], axis=2
            )
            self._distance += float((between / sides[:, None]).sum())
            self._points += between.size
        return float(max(1 - values.mean(), shifts.mean(), 1 - agree.mean()))

    def _classified(self, shown: Shown) -> None:
        import numpy as np

        one, two = shown.source.scores, shown.artifact.scores
        self._pairs += 1
        self._seen_images += 1
        self._wanted += 1
        self._matched += 1
        same = int(one.argmax()) == int(two.argmax()) if np.isfinite(two).all() else False
        self._agreeing += same
        self._shift += float(np.abs(one - two).max())
        shown.badness = max(shown.badness, float(np.abs(one - two).max()), 0.0 if same else 0.5)

    def lines(self) -> list[CheckLine]:
        line = self.bench.line
        if not self._wanted:
            return [
                line(
                    "detections", "Detections", 0.0, detail="Neither side is sure of anything in the images."
                )
            ]
        found = []
        if self.bench.task != "classify":
            found.append(
                line(
                    "detections", "Matched detections", self._matched / self._wanted, budget="matched",
                    detail=f"{self._matched} of {self._wanted} of both sides, from a score of {SURE} on, in "
                    f"{self._seen_images} of {self._images} images",
                )
            )  # fmt: skip
        pairs = self._pairs
        agreeing = self._agreeing / pairs if pairs else None
        found.append(
            line(
                "detections", "Agreement on the class", agreeing, budget="class_agreement",
                detail=f"{self._agreeing} of {pairs}",
            )
        )  # fmt: skip
        if self.bench.task != "classify":
            overlap = self._overlap / pairs if pairs else None
            found += [
                line("detections", "Mean overlap (IoU)", overlap, budget="mean_iou"),
                line("detections", "Least overlap (IoU)", self._least_overlap if pairs else None),
            ]
        shift = self._shift / pairs if pairs else None
        found.append(line("detections", "Mean shift of scores", shift, budget="score_shift"))
        if self._points:
            found.append(
                line(
                    "detections", "Mean distance of keypoints", self._distance / self._points,
                    unit="of the box", detail="between matched people, as a share of the longer side of their box",
                )
            )  # fmt: skip
        return found

    def unproven(self) -> str:
        if not self._wanted:
            return "Neither side is sure of any detection in the images, so there was nothing to compare."
        return ""


CHECK = Detections
