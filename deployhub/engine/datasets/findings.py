"""What a check of a dataset can find: each with its severity, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from deployhub.engine.spec import DatasetFinding

Severity = Literal["error", "warning", "notice"]
EXAMPLES_MAX = 12
TEXT_CHARACTERS_MAX = 300


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of finding. An error refuses the dataset; a warning or a notice does not."""

    severity: Severity
    title: str
    advice: str


KINDS: dict[str, Kind] = {
    "image_corrupt": Kind("error", "Images that can't be decoded", "Copy them again from where they were made, or remove them with their labels."),
    "image_huge": Kind("error", "Images too large to decode", "Scale them down; a model sees them at a few hundred pixels anyway."),
    "image_tiny": Kind("error", "Images smaller than 10 pixels", "Remove them; training and evaluation skip them without a word."),
    "line_malformed": Kind("error", "Label lines that can't be read", "Correct these lines: class first, then numbers as fractions of the image."),
    "class_unknown": Kind("error", "Class numbers that data.yaml doesn't name", "Number the classes from 0, and name each of them in data.yaml."),
    "folder_unknown": Kind("error", "Folders of classes that data.yaml doesn't name", "Name them in data.yaml, or remove the folders."),
    "outside_image": Kind("error", "Coordinates outside the image", "Write coordinates as fractions of width and height, 0 to 1; pixels are a common mistake."),
    "box_degenerate": Kind("error", "Boxes without width or height", "Remove these boxes, or draw them anew."),
    "names_missing": Kind("error", "The classes have no names", "Add a data.yaml with `names:` beside the images folder."),
    "labels_none": Kind("error", "No image that accuracy is measured on has a label", "Put the label files into labels/, named as their images in images/."),
    "label_missing": Kind("warning", "Images without a label file", "Where nothing is in the picture, add an empty label file; otherwise label it."),
    "label_orphan": Kind("warning", "Label files without an image", "Add the image, or remove the label file."),
    "box_past_edge": Kind("warning", "Boxes that reach past the edge of the image", "Cut them off at the edge; they are cut off when they are read."),
    "box_small": Kind("warning", "Boxes smaller than one pixel", "They are most likely slips of the mouse: remove them."),
    "box_twice": Kind("warning", "The same box twice in one image", "Remove the repetition: each is counted as an object of its own."),
    "image_twice": Kind("warning", "The same image twice", "Keep one of them: repetition makes a small dataset look larger."),
    "leakage": Kind("warning", "The same image in two splits", "Remove it from one of them: accuracy on images that were trained on says little."),
    "leakage_near": Kind("warning", "Nearly the same image in two splits", "Look at the pairs: frames of one video belong into one split."),
    "class_empty": Kind("warning", "Classes without any object", "Accuracy can't be measured for them: add examples, or drop the class."),
    "names_twice": Kind("warning", "Two classes of the same name", "Give each class a name of its own."),
    "names_differ": Kind("warning", "classes.txt and data.yaml name the classes differently", "Keep one list; data.yaml is the one that counts."),
    "path_missing": Kind("warning", "data.yaml names folders without images", "Correct the paths in data.yaml."),
    "exif_rotated": Kind("warning", "Images that are turned by their EXIF mark", "Check that the boxes were drawn on the turned image; best store the image upright."),
    "animated": Kind("warning", "Images with more than one frame", "Only the first frame is used; store frames as images of their own."),
    "foreign_format": Kind("warning", "Pictures in a format that isn't read", "Convert them to JPEG or PNG."),
    "background": Kind("notice", "Images with an empty label file", "They count as background: nothing should be found in them."),
    "image_near": Kind("notice", "Nearly the same image twice", "Look at the pairs; near repetition weighs some scenes more than others."),
    "format_differs": Kind("notice", "Files whose content is of another format than their name says", "Rename them; some programs go by the name."),
    "mode_unusual": Kind("notice", "Images that are not plain 8-bit colour", "They are converted to RGB, as a model's input is."),
    "split_shared": Kind("notice", "data.yaml gives the same images to several splits", "Fine for an evaluation set; training and validation should not share images."),
    "few_images": Kind("notice", "Few images", "With fewer than 50 images, measured accuracy varies a lot by chance."),
}  # fmt: skip
FOR_CALIBRATION: dict[str, Severity] = {
    "names_missing": "notice", "labels_none": "notice", "label_missing": "notice", "class_empty": "notice",
    "few_images": "notice",
}  # fmt: skip
"""Calibration looks at images alone: what is amiss with labels that it doesn't need is only told."""
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "notice")


@dataclass(slots=True)
class _Found:
    count: int = 0
    examples: list[dict[str, Any]] = field(default_factory=list)


class Findings:
    """Collects what is found, each kind with its number and its first examples."""

    def __init__(self, *, purpose: str) -> None:
        self._purpose = purpose
        self._found: dict[str, _Found] = {}
        self._images: dict[str, set[str]] = {}

    def add(
        self,
        code: str,
        *,
        file: str = "",
        line: int | None = None,
        detail: str = "",
        image: str = "",
        count: int = 1,
    ) -> None:
        """Note one case. image: the image that a viewer should see because of it."""
        found = self._found.setdefault(code, _Found())
        found.count += count
        if len(found.examples) < EXAMPLES_MAX:
            found.examples.append(
                {"file": file[:TEXT_CHARACTERS_MAX], "line": line, "detail": detail[:TEXT_CHARACTERS_MAX]}
            )
        if image:
            self._images.setdefault(image, set()).add(code)

    def severity(self, code: str) -> Severity:
        if self._purpose == "calibration":
            return FOR_CALIBRATION.get(code, KINDS[code].severity)
        return KINDS[code].severity

    def worst_images(self) -> list[tuple[str, list[str]]]:
        """Images that something was found about, worst first, each with the codes."""

        def weight(codes: set[str]) -> tuple[int, int]:
            return min(SEVERITIES.index(self.severity(code)) for code in codes), -len(codes)

        worst = sorted(self._images.items(), key=lambda item: (weight(item[1]), item[0]))
        return [(image, sorted(codes)) for image, codes in worst]

    def describe(self) -> list[DatasetFinding]:
        """Every finding, errors first, most frequent first."""
        rows: list[DatasetFinding] = [
            {
                "code": code, "severity": self.severity(code), "title": KINDS[code].title, "advice": KINDS[code].advice,
                "count": found.count, "examples": found.examples,
            }
            for code, found in self._found.items()
        ]  # fmt: skip
        return sorted(rows, key=lambda row: (SEVERITIES.index(row["severity"]), -row["count"], row["code"]))
