"""Read a dataset's zip in YOLO layout: which images, which labels, which classes, which splits.

No image is decoded here and nothing is unpacked. What the check of a dataset and the measurements of a certificate
mean by "the images of this dataset" is decided in this file alone.

Layouts: images/SPLIT/… with labels/SPLIT/…, SPLIT/images/… with SPLIT/labels/…, images/… with labels/…, label files
beside their images, and folders of classes (SPLIT/CLASS/…) for classification.
"""

from __future__ import annotations

import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from deployhub.engine.datasets.description import Description, description_read
from deployhub.engine.spec import MIB, EngineError, ErrorCode

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"})
FOREIGN_SUFFIXES = frozenset(
    {".gif", ".heic", ".heif", ".avif", ".jp2", ".dng", ".mpo", ".pfm", ".psd", ".svg"}
)
"""Pictures that a YOLO dataset may hold by mistake: they are counted as findings, not as images."""
SPLITS = ("train", "val", "test")
SPLIT_NAMES = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
}
ENTRIES_MAX = 200_000
LABEL_BYTES_MAX = 8 * MIB
LABELS_BYTES_MAX = 512 * MIB
BOX_VALUES, OBB_VALUES, POLYGON_VALUES_MIN = 5, 9, 7
_IGNORED_PARTS = ("__MACOSX", ".git")
_HINT = "A YOLO dataset has images/ and labels/ folders and a data.yaml."

Floats = npt.NDArray[np.float64]
TaskName = Literal["detect", "segment", "pose", "obb", "classify"]


@dataclass(frozen=True, slots=True)
class LabelProblem:
    """A line of a label file that can't be read. line: counted from 1."""

    file: str
    line: int
    why: str


@dataclass(frozen=True, slots=True)
class DatasetEntry:
    """One image with its labels.

    image, label: paths inside the zip; label is empty when there is no label file.
    split: "train", "val", "test", or "" where the dataset has no splits.
    rows: one array per object, as the label file has it, class first: detect [class, x, y, w, h]; obb [class, x1, y1,
    … x4, y4]; segment [class, x1, y1, x2, y2, …]; pose [class, x, y, w, h, keypoints…]. Coordinates are fractions of the
    image's width and height, as they were written: whether they lie within 0..1 is for the check to say.
    lines: the line of the label file each row stood in. class_index: of the whole image, for classify alone.
    """

    image: str
    split: str
    label: str = ""
    rows: tuple[Floats, ...] = ()
    lines: tuple[int, ...] = ()
    class_index: int | None = None

    @property
    def stem(self) -> str:
        """The name by which a person knows the image."""
        return PurePosixPath(self.image).name


@dataclass(frozen=True, slots=True)
class DatasetLayout:
    """What a dataset's zip holds. keypoints: (number, values each) for pose; Ultralytics calls it kpt_shape."""

    task: TaskName
    class_names: tuple[str, ...]
    entries: tuple[DatasetEntry, ...]
    keypoints: tuple[int, int] | None = None
    description: str = ""
    """Path of data.yaml inside the zip, or empty."""
    problems: tuple[LabelProblem, ...] = ()
    orphan_labels: tuple[str, ...] = ()
    """Label files that belong to no image."""
    foreign_files: tuple[str, ...] = ()
    missing_paths: tuple[str, ...] = ()
    """Paths that data.yaml names and the zip doesn't have."""
    shared_splits: tuple[str, ...] = ()
    """Splits that data.yaml gives images of another split as well."""
    names_missing: bool = False
    """data.yaml doesn't name the classes."""
    stray_folders: tuple[str, ...] = ()
    """Folders of classes that data.yaml doesn't name (classify)."""

    def of_split(self, *splits: str) -> tuple[DatasetEntry, ...]:
        """The entries of the splits, in order."""
        return tuple(entry for entry in self.entries if entry.split in splits)

    def for_evaluation(self) -> tuple[DatasetEntry, ...]:
        """The entries that accuracy is measured on: val, else test, else those without a split, else all."""
        for split in ("val", "test", ""):
            if chosen := self.of_split(split):
                return chosen
        return self.entries


def layout_read(archive: Path) -> DatasetLayout:
    """Read what a dataset's zip holds. Raises EngineError when it is no zip, or holds no images at all."""
    try:
        with zipfile.ZipFile(archive) as opened:
            return _Reader(opened).read()
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, EOFError) as broken:
        raise EngineError(
            ErrorCode.CORRUPT_FILE, "The dataset's zip file is damaged.", "Make it again, then upload it."
        ) from broken


def boxes_of(entry: DatasetEntry, task: str) -> Floats:
    """The upright boxes of an entry's rows as (n, 5): class, centre x, centre y, width, height, in fractions."""
    if not entry.rows:
        return np.zeros((0, BOX_VALUES))
    if task in ("detect", "pose"):
        return np.stack([row[:BOX_VALUES] for row in entry.rows])
    boxes = []
    for row in entry.rows:
        points = row[1:].reshape(-1, 2)
        low, high = points.min(axis=0), points.max(axis=0)
        boxes.append(np.concatenate([row[:1], (low + high) / 2, high - low]))
    return np.stack(boxes)


@dataclass(slots=True)
class _Parsed:
    """A label file as numbers, before the task is known."""

    rows: list[Floats] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    problems: list[LabelProblem] = field(default_factory=list)


class _Reader:
    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        infos = archive.infolist()
        if len(infos) > ENTRIES_MAX:
            raise EngineError(
                ErrorCode.ARCHIVE_REFUSED, f"The zip file has more than {ENTRIES_MAX:,} entries.", ""
            )
        self._files = {
            info.filename: info for info in infos if not info.is_dir() and not _is_ignored(info.filename)
        }
        self._images = sorted(name for name in self._files if _suffix(name) in IMAGE_SUFFIXES)
        self._label_bytes = 0

    def read(self) -> DatasetLayout:
        if not self._images:
            raise EngineError(ErrorCode.UNSUPPORTED_FILE, "The zip file holds no images.", _HINT)
        description = description_read(self._archive, self._files)
        splits, missing, shared = _Splits(self._files, self._images, description).assign()
        labels = {image: _label_path(image) for image in self._images}
        known = {label for label in labels.values() if label in self._files}
        orphans = tuple(sorted(self._orphans(known)))
        foreign = tuple(sorted(name for name in self._files if _suffix(name) in FOREIGN_SUFFIXES))
        common: dict[str, Any] = {
            "description": description.path, "foreign_files": foreign, "orphan_labels": orphans,
            "missing_paths": missing, "shared_splits": shared,
        }  # fmt: skip
        if not known and not orphans and self._is_classification(description):
            return self._classification(description, splits, common)
        parsed = {
            image: self._label_read(label) if label in known else _Parsed() for image, label in labels.items()
        }
        task, keypoints = _task_of(description, parsed.values())
        problems: list[LabelProblem] = []
        entries = []
        for image in self._images:
            label = labels[image] if labels[image] in known else ""
            found = parsed.pop(image)
            problems += found.problems
            rows, lines = _rows_fitting(found, label, task, keypoints, problems)
            entries.append(DatasetEntry(image, splits[image], label, rows, lines))
        names = description.names
        return DatasetLayout(
            task=task,
            class_names=names if names is not None else (),
            entries=tuple(entries),
            keypoints=keypoints,
            problems=tuple(problems),
            names_missing=names is None,
            **common,
        )

    def _orphans(self, known: set[str]) -> Iterator[str]:
        for name in self._files:
            path = PurePosixPath(name)
            if (
                path.suffix.lower() == ".txt"
                and name not in known
                and "labels" in path.parts
                and path.name != "classes.txt"
            ):
                yield name

    def _is_classification(self, description: Description) -> bool:
        if description.task:
            return description.task == "classify"
        folders = {PurePosixPath(image).parts for image in self._images}
        return all("images" not in parts for parts in folders) and any(
            len(parts) >= 3 and parts[-3] in SPLIT_NAMES for parts in folders
        )

    def _classification(
        self, description: Description, splits: dict[str, str], common: dict[str, Any]
    ) -> DatasetLayout:
        folders = sorted({PurePosixPath(image).parent.name for image in self._images})
        names = description.names if description.names is not None else tuple(folders)
        index = {name: at for at, name in enumerate(names)}
        return DatasetLayout(
            task="classify",
            class_names=names,
            entries=tuple(
                DatasetEntry(image, splits[image], class_index=index.get(PurePosixPath(image).parent.name))
                for image in self._images
            ),
            stray_folders=tuple(name for name in folders if name not in index),
            **common,
        )

    def _label_read(self, name: str) -> _Parsed:
        parsed = _Parsed()
        info = self._files[name]
        self._label_bytes += info.file_size
        if info.file_size > LABEL_BYTES_MAX or self._label_bytes > LABELS_BYTES_MAX:
            parsed.problems.append(LabelProblem(name, 1, "the file is too large for a label file"))
            return parsed
        try:
            text = self._archive.read(info).decode("utf-8-sig")
        except (UnicodeDecodeError, zipfile.BadZipFile, OSError, EOFError):
            parsed.problems.append(LabelProblem(name, 1, "the file is not text, or is damaged"))
            return parsed
        for number, line in enumerate(text.splitlines(), start=1):
            if not (words := line.split()):
                continue
            try:
                row = np.array([float(word) for word in words], dtype=np.float64)
            except ValueError:
                parsed.problems.append(LabelProblem(name, number, "a value is not a number"))
                continue
            if why := _row_refusal(row):
                parsed.problems.append(LabelProblem(name, number, why))
                continue
            parsed.rows.append(row)
            parsed.lines.append(number)
        return parsed


class _Splits:
    """Which split each image belongs to: by data.yaml where it says so, else by the names of the folders."""

    def __init__(self, files: Iterable[str], images: list[str], description: Description) -> None:
        self._files, self._images, self._description = set(files), images, description

    def assign(self) -> tuple[dict[str, str], tuple[str, ...], tuple[str, ...]]:
        """Split by image, the paths that are missing, and the splits that share images with another."""
        found: dict[str, str] = {}
        missing: list[str] = []
        shared: set[str] = set()
        # Accuracy is measured on val: an image that data.yaml gives to two splits counts there.
        for split in ("val", "test", "train"):
            for path in self._description.paths.get(split, ()):
                chosen = self._images_of(path)
                if not chosen:
                    missing.append(f"{split}: {path}")
                for image in chosen:
                    if found.setdefault(image, split) != split:
                        shared.add(split)
        for image in self._images:
            found.setdefault(image, _split_by_folder(image))
        return found, tuple(missing), tuple(sorted(shared))

    def _images_of(self, path: str) -> list[str]:
        for candidate in self._description.places(path):
            if candidate in self._files and _suffix(candidate) == ".txt":
                return self._images_listed(candidate)
            folder = f"{candidate}/" if candidate else ""
            if chosen := [image for image in self._images if image.startswith(folder)]:
                return chosen
        return []

    def _images_listed(self, name: str) -> list[str]:
        chosen = []
        for line in self._description.list_read(name):
            for candidate in self._description.places(line):
                if candidate in self._files:
                    chosen.append(candidate)
                    break
        return chosen


def _row_refusal(row: Floats) -> str:
    if not np.isfinite(row).all():
        return "a value is not a finite number"
    if row[0] < 0 or row[0] != int(row[0]):
        return "the class is not a whole number from 0"
    if len(row) < BOX_VALUES:
        return f"{len(row)} values; a box needs {BOX_VALUES}"
    return ""


def _rows_fitting(
    parsed: _Parsed, label: str, task: str, keypoints: tuple[int, int] | None, problems: list[LabelProblem]
) -> tuple[tuple[Floats, ...], tuple[int, ...]]:
    rows, lines = [], []
    for row, line in zip(parsed.rows, parsed.lines, strict=True):
        if why := _length_refusal(len(row), task, keypoints):
            problems.append(LabelProblem(label, line, why))
            continue
        rows.append(row)
        lines.append(line)
    return tuple(rows), tuple(lines)


def _length_refusal(length: int, task: str, keypoints: tuple[int, int] | None) -> str:
    match task:
        case "segment":
            if length < POLYGON_VALUES_MIN or length % 2 == 0:
                return f"{length} values; an outline needs a class and at least three pairs"
        case "pose":
            wanted = BOX_VALUES + (keypoints[0] * keypoints[1] if keypoints else 0)
            if length != wanted:
                return f"{length} values; a pose needs {wanted}"
        case _:
            wanted = OBB_VALUES if task == "obb" else BOX_VALUES
            if length != wanted:
                return f"{length} values; this dataset's rows have {wanted}"
    return ""


def _task_of(description: Description, parsed: Iterable[_Parsed]) -> tuple[TaskName, tuple[int, int] | None]:
    """The task by data.yaml where it says so, else by how long most rows are."""
    if description.keypoints is not None and description.task in ("", "pose"):
        return "pose", description.keypoints
    if description.task in ("detect", "segment", "obb"):
        return description.task, None  # type: ignore[return-value]
    lengths = Counter(len(row) for found in parsed for row in found.rows)
    total = lengths.total()
    if not total or lengths[BOX_VALUES] * 2 >= total:
        return "detect", None
    # A rotated box and an outline of four corners look alike; a dataset of nothing else holds rotated boxes.
    return ("obb" if lengths[OBB_VALUES] == total - lengths[BOX_VALUES] else "segment"), None


def _label_path(image: str) -> str:
    """As Ultralytics does it: the last folder named images becomes labels, else the label lies beside the image."""
    parts = list(PurePosixPath(image).parts)
    for at in range(len(parts) - 2, -1, -1):
        if parts[at] == "images":
            parts[at] = "labels"
            break
    return str(PurePosixPath(*parts).with_suffix(".txt"))


def _split_by_folder(image: str) -> str:
    for part in reversed(PurePosixPath(image).parts[:-1]):
        if part.lower() in SPLIT_NAMES:
            return SPLIT_NAMES[part.lower()]
    return ""


def _suffix(name: str) -> str:
    return PurePosixPath(name).suffix.lower()


def _is_ignored(name: str) -> bool:
    path = PurePosixPath(name)
    return any(part in _IGNORED_PARTS for part in path.parts) or path.name.startswith("._")
