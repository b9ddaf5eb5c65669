"""What the engine found in a dataset, checked again before it is kept.

The engine's process may have been taken over by an image that it opened, so its result is as untrusted as the zip.
"""

from __future__ import annotations

import hashlib
import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deployhub.kernel.canonical import canonical_json
from deployhub.kernel.errors import DeployHubError
from deployhub.kernel.units import KIB, MIB
from deployhub.registry.vocab import DatasetSeverity, Task

REPORT_MAX_BYTES = 8 * MIB
MANIFEST_MAX_BYTES = 128 * MIB
PICTURE_MAX_BYTES = 512 * KIB
THUMBNAILS_MAX = 48
FINDINGS_MAX = 64
EXAMPLES_MAX = 12
CLASSES_MAX = 20_000
SHAPES_MAX = 100
POINTS_MAX = 40
BINS_MAX = 64
TEXT_MAX = 400
COUNT_MAX = 10**12
_CODE = re.compile(r"^[a-z_]{1,40}$")
_JPEG = b"\xff\xd8\xff"
_HISTOGRAMS = ("objects_per_image", "box_size", "box_aspect")
_PROFILE_HISTOGRAMS = ("brightness", "contrast", "sharpness", "aspect", "box_size", "objects")


class ReportInvalid(DeployHubError):
    status = 500
    code = "engine_output_invalid"
    title = "The check gave a result that cannot be used"


@dataclass(frozen=True, slots=True)
class ReportFacts:
    """The columns of a dataset's version that a check fills; pictures: the thumbnails one behind the other."""

    task: str
    class_names: list[str]
    image_count: int
    label_count: int
    manifest_sha256: str
    report: list[dict[str, Any]]
    statistics: dict[str, Any]
    profile: dict[str, Any]
    thumbnails: list[dict[str, Any]]

    def columns(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__dataclass_fields__}

    @property
    def refusal(self) -> str:
        """Why the dataset is refused, in a sentence; empty when it is not."""
        errors = [finding for finding in self.report if finding["severity"] == "error"]
        told = ", ".join(
            f"{finding['title'][:1].lower()}{finding['title'][1:]} ({finding['count']})" for finding in errors
        )
        return f"The check found errors: {told}." if errors else ""


def report_facts(result: dict[str, Any], *, out: Path) -> tuple[ReportFacts, bytes]:
    """The engine's result as columns, and the thumbnails. Raises ReportInvalid for anything of the wrong shape."""
    try:
        if len(canonical_json(result)) > REPORT_MAX_BYTES:
            raise ReportInvalid("The check's report is larger than what is kept.")
        task = _text(result["task"])
        if task not in Task.values:
            raise ReportInvalid("The check names a task that does not exist.")
        manifest_sha256 = _manifest_sha256(out / "manifest.json")
        if result["manifest_sha256"] != manifest_sha256:
            raise ReportInvalid("The check's manifest is not the one that it told of.")
        statistics = _statistics(result["statistics"])
        thumbnails, pictures = _thumbnails(result["thumbnails"], out)
        return ReportFacts(
            task=task,
            class_names=[_text(name) for name in _list(result["class_names"], CLASSES_MAX)],
            image_count=statistics["images"],
            label_count=statistics["labels"],
            manifest_sha256=manifest_sha256,
            report=[_finding(finding) for finding in _list(result["findings"], FINDINGS_MAX)],
            statistics=statistics,
            profile=_profile(result["profile"]),
            thumbnails=thumbnails,
        ), pictures
    except ReportInvalid:
        raise
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError, OSError) as error:
        raise ReportInvalid("The check's result has the wrong shape.") from error


def _manifest_sha256(path: Path) -> str:
    if path.stat().st_size > MANIFEST_MAX_BYTES:
        raise ReportInvalid("The check's manifest is larger than what is kept.")
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _finding(given: dict[str, Any]) -> dict[str, Any]:
    if not _CODE.match(_text(given["code"])) or given["severity"] not in DatasetSeverity.values:
        raise ReportInvalid("The check tells of a finding of no known kind.")
    return {
        "code": given["code"],
        "severity": given["severity"],
        "title": _text(given["title"]),
        "advice": _text(given["advice"]),
        "count": _count(given["count"]),
        "examples": [
            {
                "file": _text(example["file"]),
                "line": None if example["line"] is None else _count(example["line"]),
                "detail": _text(example["detail"]),
            }
            for example in _list(given["examples"], EXAMPLES_MAX)
        ],
    }


def _statistics(given: dict[str, Any]) -> dict[str, Any]:
    grid = [[_count(cell) for cell in _list(row, BINS_MAX)] for row in _list(given["box_position"], BINS_MAX)]
    return {
        "images": _count(given["images"]),
        "labels": _count(given["labels"]),
        "objects": _count(given["objects"]),
        "classes": [
            {
                "name": _text(each["name"]),
                "objects": _count(each["objects"]),
                "images": _count(each["images"]),
            }
            for each in _list(given["classes"], CLASSES_MAX)
        ],
        "splits": [
            {
                "split": _text(each["split"]),
                "images": _count(each["images"]),
                "labelled": _count(each["labelled"]),
                "objects": _count(each["objects"]),
            }
            for each in _list(given["splits"], 8)
        ],
        **{name: _histogram(given[name]) for name in _HISTOGRAMS},
        "box_position": grid,
        "image_sizes": [
            {name: _count(each[name]) for name in ("width_px", "height_px", "images")}
            for each in _list(given["image_sizes"], 50)
        ],
        "image_sizes_distinct": _count(given["image_sizes_distinct"]),
        "formats": {_text(name): _count(number) for name, number in list(given["formats"].items())[:20]},
    }


def _profile(given: dict[str, Any]) -> dict[str, Any]:
    channels = given.get("channels")
    return {
        "version": _count(given["version"]),
        "images": _count(given["images"]),
        "channels": {name: [_number(value) for value in _list(channels[name], 3)] for name in ("mean", "std")}
        if channels is not None
        else None,
        **{name: _histogram(given[name]) for name in _PROFILE_HISTOGRAMS},
        "classes": [_number(share) for share in _list(given["classes"], CLASSES_MAX)],
    }


def _histogram(given: dict[str, Any]) -> dict[str, Any]:
    return {
        "low": _number(given["low"]),
        "high": _number(given["high"]),
        "counts": [_count(count) for count in _list(given["counts"], BINS_MAX)],
        "mean": None if given["mean"] is None else _number(given["mean"]),
        "std": None if given["std"] is None else _number(given["std"]),
    }


def _thumbnails(given: Any, out: Path) -> tuple[list[dict[str, Any]], bytes]:
    rows: list[dict[str, Any]] = []
    pictures = bytearray()
    for at, each in enumerate(_list(given, THUMBNAILS_MAX)):
        # The name is ours, not the engine's: nothing that it tells becomes a path.
        path = out / "thumbnails" / f"{at:02}.jpg"
        if path.stat().st_size > PICTURE_MAX_BYTES or not (content := path.read_bytes()).startswith(_JPEG):
            raise ReportInvalid("The check left a thumbnail that is no small JPEG.")
        rows.append(
            {
                "offset": len(pictures),
                "size_bytes": len(content),
                "image": _text(each["image"]),
                "split": _text(each["split"]),
                **{
                    name: _count(each[name])
                    for name in ("width_px", "height_px", "original_width_px", "original_height_px")
                },
                "class_index": None if each["class_index"] is None else _count(each["class_index"]),
                "findings": [
                    code for code in _list(each["findings"], FINDINGS_MAX) if _CODE.match(_text(code))
                ],
                "shapes": [_shape(shape) for shape in _list(each["shapes"], SHAPES_MAX)],
            }
        )
        pictures += content
    return rows, bytes(pictures)


def _shape(given: dict[str, Any]) -> dict[str, Any]:
    left, top, width, height = (_number(value) for value in _list(given["box"], 4))
    points = [
        tuple(_number(value) for value in _list(point, 2)) for point in _list(given["points"], POINTS_MAX)
    ]
    return {
        "class": _count(given["class"]),
        "box": [left, top, width, height],
        "points": [[x, y] for x, y in points],
    }


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ReportInvalid("The check's result holds a text of the wrong type.")
    return value.replace("\0", "\N{REPLACEMENT CHARACTER}")[:TEXT_MAX]


def _list(value: Any, limit: int) -> list[Any]:
    if not isinstance(value, list) or len(value) > limit:
        raise ReportInvalid("The check's result holds a list that is too long or none at all.")
    return value


def _count(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= COUNT_MAX:
        raise ReportInvalid("The check's result holds a number out of range.")
    return value


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ReportInvalid("The check's result holds a number that is none.")
    return float(value)
