"""data.yaml: class names, paths of the splits, shape of the keypoints. Bounded, safe YAML, no aliases."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

import yaml

from deployhub.engine.spec import EngineError, ErrorCode

YAML_BYTES_MAX = 256 * 1024
LIST_BYTES_MAX = 32 * 1024**2
CLASSES_MAX = 20_000
NAME_CHARACTERS_MAX = 200
_TASKS = ("detect", "segment", "pose", "obb", "classify")


@dataclass(frozen=True, slots=True)
class Description:
    """What data.yaml says. names is None when it doesn't name the classes; path is empty without a data.yaml."""

    archive: zipfile.ZipFile
    path: str = ""
    names: tuple[str, ...] | None = None
    root: str = ""
    paths: dict[str, tuple[str, ...]] = field(default_factory=dict)
    keypoints: tuple[int, int] | None = None
    task: str = ""

    def places(self, path: str) -> Iterator[str]:
        """Where in the zip a path of data.yaml may be, most likely first.

        `path:` most often names a folder of the machine that the dataset was made on, and some tools write ../train:
        both mean the folder beside data.yaml.
        """
        beside = str(PurePosixPath(self.path).parent)
        seen: set[str] = set()
        for base in (beside, f"{beside}/{self.root}" if self.root else beside, ""):
            candidate = _normal(f"{base}/{path}" if base not in ("", ".") else path)
            if candidate not in seen:
                seen.add(candidate)
                yield candidate

    def list_read(self, name: str) -> list[str]:
        """The lines of a text file that lists images."""
        with self.archive.open(name) as file:
            content = file.read(LIST_BYTES_MAX)
        return [line.strip() for line in content.decode("utf-8", "replace").splitlines() if line.strip()]


class _PlainLoader(yaml.SafeLoader):
    """Safe YAML without aliases, which could grow a small text without bound."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("aliases are not accepted")
        return super().compose_node(parent, index)


def description_read(archive: zipfile.ZipFile, files: Mapping[str, zipfile.ZipInfo]) -> Description:
    """The zip's data.yaml: the one nearest to its root that names classes or splits. Raises EngineError."""
    candidates = [
        name
        for name in files
        if PurePosixPath(name).suffix.lower() in (".yaml", ".yml") and len(PurePosixPath(name).parts) <= 2
    ]
    for name in sorted(candidates, key=lambda name: (len(PurePosixPath(name).parts), name)):
        content = _yaml_read(archive, name)
        if isinstance(content, dict) and {"names", "train", "val"} & content.keys():
            return _description(archive, name, content)
    return Description(archive)


def _yaml_read(archive: zipfile.ZipFile, name: str) -> Any:
    with archive.open(name) as file:
        text = file.read(YAML_BYTES_MAX + 1)
    if len(text) > YAML_BYTES_MAX:
        raise _refused(f"{name} is larger than 256 KiB.", "Keep only paths and names in it.")
    try:
        return yaml.load(text, Loader=_PlainLoader)  # noqa: S506 - a SafeLoader
    except (yaml.YAMLError, RecursionError, UnicodeError, ValueError) as error:
        raise _refused(f"{name} is not valid YAML.", "Correct it, then upload the dataset again.") from error


def _description(archive: zipfile.ZipFile, name: str, content: dict[Any, Any]) -> Description:
    root = content.get("path")
    task = content.get("task")
    return Description(
        archive=archive,
        path=name,
        names=_names(name, content.get("names")),
        root=root if isinstance(root, str) and not root.startswith("/") else "",
        paths={split: _paths(content.get(split)) for split in ("train", "val", "test")},
        keypoints=_keypoints(content.get("kpt_shape")),
        task=task if task in _TASKS else "",
    )


def _names(name: str, names: Any) -> tuple[str, ...] | None:
    if names is None:
        return None
    if isinstance(names, dict):
        if sorted(names, key=str) != sorted(range(len(names)), key=str):
            raise _refused(
                f"The names in {name} are not numbered without a gap.", "Number the classes from 0."
            )
        names = [names[key] for key in range(len(names))]
    if not isinstance(names, list) or len(names) > CLASSES_MAX:
        raise _refused(f"The names in {name} are not a list.", "Write `names:` as a list of classes.")
    if not all(isinstance(each, str | int | float) for each in names):
        raise _refused(f"A name in {name} is not a text.", "Write each class as one word or text.")
    return tuple(str(each)[:NAME_CHARACTERS_MAX].replace("\0", "") for each in names)


def _paths(value: Any) -> tuple[str, ...]:
    given = value if isinstance(value, list) else [value]
    return tuple(path for path in given if isinstance(path, str) and path)


def _keypoints(value: Any) -> tuple[int, int] | None:
    match value:
        case [int() as count, int() as values] if 0 < count <= 1000 and values in (2, 3):
            return count, values
    return None


def _normal(path: str) -> str:
    """The path inside the zip: no empty, `.` or leading `..` parts."""
    parts: list[str] = []
    for part in PurePosixPath(path).parts:
        if part in ("/", "."):
            continue
        if part == "..":
            if parts:
                parts.pop()
            continue
        parts.append(part)
    return "/".join(parts)


def _refused(detail: str, hint: str) -> EngineError:
    return EngineError(ErrorCode.CORRUPT_FILE, detail, hint)
