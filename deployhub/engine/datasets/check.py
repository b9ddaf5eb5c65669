"""Check a dataset: labels, then every image; report, statistics, reference profile, manifest and thumbnails."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any

from deployhub.engine.datasets.alike import identical, nearly_identical
from deployhub.engine.datasets.findings import Findings
from deployhub.engine.datasets.labels import labels_check
from deployhub.engine.datasets.layout import DatasetEntry, DatasetLayout, boxes_of, layout_read
from deployhub.engine.datasets.measures import Measures
from deployhub.engine.datasets.pictures import FORMATS, Picture, PictureRefused, picture_read
from deployhub.engine.datasets.thumbnails import thumbnails_write
from deployhub.engine.spec import DatasetResult

Emit = Callable[[dict[str, Any]], None]
PLAIN_MODES = ("RGB",)
MANIFEST = "manifest.json"
CLASSES_LIST_BYTES_MAX = 1024**2


def dataset_check(archive_path: Path, *, purpose: str, out: Path, emit: Emit) -> DatasetResult:
    """Check one dataset's zip; writes the manifest and the thumbnails to `out`.

    Raises EngineError only for what is no dataset at all; everything else is a finding.
    """
    emit({"type": "phase", "name": "Reading the labels", "total": None, "unit": ""})
    layout = layout_read(archive_path)
    findings = Findings(purpose=purpose)
    with zipfile.ZipFile(archive_path) as archive:
        labels_check(layout, findings, classes_listed=_classes_listed(archive))
        images = _Images(archive, layout, findings)
        images.read_all(emit)
        emit({"type": "phase", "name": "Making thumbnails", "total": None, "unit": ""})
        thumbnails = thumbnails_write(archive, layout, findings, readable=images.readable(), out=out)
        manifest = _manifest(archive, layout, images)
    text = json.dumps(manifest, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    (out / MANIFEST).write_text(text, encoding="utf-8")
    return {
        "task": layout.task,
        "class_names": list(layout.class_names),
        "manifest_sha256": hashlib.sha256(text.encode()).hexdigest(),
        "findings": findings.describe(),
        "statistics": images.measures.statistics(),
        "profile": images.measures.profile(),
        "thumbnails": thumbnails,
    }


class _Images:
    """Every image decoded once, one at a time."""

    def __init__(self, archive: zipfile.ZipFile, layout: DatasetLayout, findings: Findings) -> None:
        self._archive, self._layout, self._findings = archive, layout, findings
        self.measures = Measures(layout)
        self.digests: list[str] = []
        self._fingerprints: list[int | None] = []

    def readable(self) -> set[str]:
        return {
            entry.image
            for entry, fingerprint in zip(self._layout.entries, self._fingerprints, strict=True)
            if fingerprint is not None
        }

    def read_all(self, emit: Emit) -> None:
        entries = self._layout.entries
        emit({"type": "phase", "name": "Reading the images", "total": len(entries), "unit": "images"})
        for done, entry in enumerate(entries, start=1):
            self._read(entry)
            emit({"type": "progress", "done": done})
        self._alike()

    def _read(self, entry: DatasetEntry) -> None:
        try:
            picture = picture_read(self._archive, entry.image)
        except PictureRefused as refused:
            self._findings.add(refused.code, file=entry.image, detail=str(refused))
            self.digests.append(_entry_sha256(self._archive, entry.image))
            self._fingerprints.append(None)
            return
        self.digests.append(picture.sha256)
        self._fingerprints.append(picture.fingerprint)
        self.measures.add(picture)
        self._look(entry, picture)

    def _look(self, entry: DatasetEntry, picture: Picture) -> None:
        def told(code: str, detail: str) -> None:
            self._findings.add(code, file=entry.image, detail=detail, image=entry.image)

        if PurePosixPath(entry.image).suffix.lower() not in FORMATS[picture.form]:
            told("format_differs", picture.form)
        if picture.mode not in PLAIN_MODES:
            told("mode_unusual", picture.mode)
        if picture.frames > 1:
            told("animated", f"{picture.frames} frames")
        if picture.is_turned:
            told("exif_rotated", f"{picture.width_px} × {picture.height_px} when upright")
        for box, line in zip(boxes_of(entry, self._layout.task), entry.lines, strict=True):
            width, height = box[3] * picture.width_px, box[4] * picture.height_px
            if 0 < width < 1 or 0 < height < 1:
                self._findings.add(
                    "box_small",
                    file=entry.label,
                    line=line,
                    detail=f"{width:.2g} × {height:.2g} px",
                    image=entry.image,
                )

    def _alike(self) -> None:
        entries = self._layout.entries
        repeated: set[int] = set()
        # Within a split a repetition counts twice; across splits it leaks. One later image is told once.
        for first, later in identical(self.digests):
            self._pair(
                "leakage" if entries[first].split != entries[later].split else "image_twice", first, later
            )
            repeated.add(later)
        fingerprints = [None if at in repeated else known for at, known in enumerate(self._fingerprints)]
        for first, later in nearly_identical(fingerprints):
            self._pair(
                "leakage_near" if entries[first].split != entries[later].split else "image_near", first, later
            )

    def _pair(self, code: str, first: int, later: int) -> None:
        entries = self._layout.entries
        self._findings.add(
            code, file=entries[later].image, detail=f"like {entries[first].image}", image=entries[later].image
        )


def _manifest(archive: zipfile.ZipFile, layout: DatasetLayout, images: _Images) -> dict[str, Any]:
    """What the dataset is, whatever zip it came in: task, names, and each image and label by its content."""
    return {
        "version": 1,
        "task": layout.task,
        "class_names": list(layout.class_names),
        "keypoints": list(layout.keypoints) if layout.keypoints else None,
        "images": [
            {
                "path": entry.image,
                "split": entry.split,
                "sha256": digest,
                "label_sha256": _entry_sha256(archive, entry.label) if entry.label else None,
                "class": entry.class_index,
            }
            for entry, digest in zip(layout.entries, images.digests, strict=True)
        ],
    }


def _entry_sha256(archive: zipfile.ZipFile, name: str) -> str:
    """Digest of an entry as it unpacks, in pieces; of a damaged one, empty."""
    digest = hashlib.sha256()
    try:
        with archive.open(name) as file:
            while block := file.read(1024**2):
                digest.update(block)
    except Exception:  # noqa: BLE001 - a damaged entry raises what it likes, and is a finding already
        return ""
    return digest.hexdigest()


def _classes_listed(archive: zipfile.ZipFile) -> tuple[str, ...]:
    """The names in a classes.txt, which some labelling tools write."""
    for name in ("classes.txt", "labels/classes.txt"):
        try:
            info = archive.getinfo(name)
        except KeyError:
            continue
        if info.file_size <= CLASSES_LIST_BYTES_MAX:
            lines = archive.read(info).decode("utf-8", "replace").splitlines()
            return tuple(line.strip() for line in lines if line.strip())
    return ()
