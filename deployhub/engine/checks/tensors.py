"""Outputs, number by number, on identical input bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deployhub.engine.checking import Bench, Check
from deployhub.engine.comparison import Comparison, outputs_compare, variation_measure

if TYPE_CHECKING:
    from deployhub.engine.plugin import Images, NamedOutput
    from deployhub.engine.spec import CheckLine

LEAST_VARIATION = 1e-3
"""A source whose answers differ by less from image to image is as good as untrained: equal answers prove nothing."""


class Tensors(Check):
    key = "tensors"
    order = 1

    def __init__(self, bench: Bench) -> None:
        super().__init__(bench)
        # Detections of a list are matched within this; what lies further apart counts as two.
        self._found = Comparison(
            tolerance=bench.budget.get("relative_error", 0.1), matched_minimum=0.0, metric="certificate"
        )
        self._before: list[NamedOutput] | None = None
        self._variation = 0.0

    def outputs_hear(self, expected: list[NamedOutput], found: list[NamedOutput], images: Images) -> None:
        outputs_compare(
            self._found, expected, found, source=self.bench.source, side=max(images.shape[2:]), head=self.bench.head
        )  # fmt: skip
        if self._before is not None and self._variation <= LEAST_VARIATION:
            pair = [self._before, expected]
            self._variation = max(
                self._variation, variation_measure(pair, source=self.bench.source, head=self.bench.head)
            )
        self._before = expected

    def lines(self) -> list[CheckLine]:
        made = [
            self.bench.line("tensors", problem, None, holds=False) for problem in self._found.problems[:3]
        ]
        for index in sorted(self._found.outputs):
            measure = self._found.outputs[index].describe()
            name = measure["name"]
            if measure.get("detections") is not None:
                share = measure["matched"] / measure["detections"] if measure["detections"] else 1.0
                made.append(
                    self.bench.line(
                        "tensors", f"{name}, rows that are the same", share, budget="matched",
                        detail=f"{measure['matched']} of {measure['detections']} within the relative error",
                    )
                )  # fmt: skip
            made += [
                self.bench.line(
                    "tensors", f"{name}, relative error", measure["relative_error"], budget="relative_error"
                ),
                self.bench.line("tensors", f"{name}, largest error", measure["max_abs_error"]),
                self.bench.line("tensors", f"{name}, mean error", measure["mean_abs_error"]),
            ]
            if measure["cosine"] is not None or measure["relative_error"] is None:
                made.append(self.bench.line("tensors", f"{name}, cosine", measure["cosine"], budget="cosine"))
        return made

    def unproven(self) -> str:
        if self._variation <= LEAST_VARIATION:
            return (
                "The source gives the same answer for every image, as an untrained model does, so that equal "
                "answers prove nothing."
            )
        return ""


CHECK = Tensors
