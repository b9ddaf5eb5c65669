"""Calibration images for quantisers, laid out as Ultralytics reads a dataset."""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from deployhub.engine.spec import MIB, EngineError, ErrorCode

if TYPE_CHECKING:
    from deployhub.engine.source import SourceModel

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp"})
IMAGES_MAX = 300
"""More images change the measured ranges little, and cost time."""
IMAGE_BYTES_MAX = 64 * MIB


class _InTurn:
    """In place of a pool of threads, whose semaphores need shared memory that a confined process does not have."""

    def __init__(self, *arguments: Any) -> None:
        pass

    def __enter__(self) -> _InTurn:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    @staticmethod
    def imap(func: Callable[..., Any], iterable: Iterable[Any]) -> Iterable[Any]:
        return map(func, iterable)


def calibration_in_turn() -> None:
    """Let Ultralytics read images one after another."""
    from ultralytics.data import base, dataset

    for module in (base, dataset):
        vars(module)["ThreadPool"] = _InTurn


def calibration_lay_out(archive: Path, *, source: SourceModel, folder: Path) -> Path:
    """Unpack up to IMAGES_MAX images of a dataset's zip, in the order of their names.

    Only images are taken, under names of our own. Returns what Ultralytics calls `data`: a YAML file, for a classifier
    a folder. Raises EngineError when there is no image.
    """
    shutil.rmtree(folder, ignore_errors=True)
    images = folder / "val" / "images" if source.task != "classify" else folder / "val" / "any"
    images.mkdir(parents=True)
    taken = 0
    try:
        with zipfile.ZipFile(archive) as zipped:
            for entry in sorted(zipped.infolist(), key=lambda entry: entry.filename):
                suffix = PurePosixPath(entry.filename).suffix.lower()
                if entry.is_dir() or suffix not in SUFFIXES or entry.file_size > IMAGE_BYTES_MAX:
                    continue
                with zipped.open(entry) as packed, (images / f"{taken:05d}{suffix}").open("wb") as file:
                    shutil.copyfileobj(packed, file)
                taken += 1
                if taken == IMAGES_MAX:
                    break
    except (zipfile.BadZipFile, OSError) as error:
        raise EngineError(
            ErrorCode.CORRUPT_FILE,
            f"The calibration set can't be unpacked: {error}",
            "Choose another dataset.",
        ) from error
    if not taken:
        raise EngineError(
            ErrorCode.INVALID_OPTIONS, "The calibration set holds no images.", "Choose another dataset."
        )
    if source.task == "classify":
        return folder
    names = source.class_names or ["object"]
    described = folder / "calibration.yaml"
    # JSON is YAML, and needs no library.
    described.write_text(
        json.dumps(
            {"path": str(folder), "train": "val/images", "val": "val/images", "names": dict(enumerate(names))}
        )
    )
    return described
