"""Look into a dataset's zip without unpacking it: bounds first, then counts. Standard library and safe YAML only.

Everything here reads an untrusted archive in the web process, so each step is bounded before it is taken.
"""

from __future__ import annotations

import stat
import struct
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, BinaryIO

import yaml

from deployhub.kernel.errors import InvalidInput
from deployhub.kernel.units import GIB, KIB, MIB
from deployhub.registry.vocab import DatasetPurpose

ENTRIES_MAX = 200_000
DIRECTORY_MAX_BYTES = 64 * MIB
UNPACKED_MAX_BYTES = 16 * GIB
RATIO_MAX = 200
RATIO_FREE_BYTES = MIB
"""Entries smaller than this may compress as well as they like: an empty label file is no bomb."""
NAME_MAX_CHARACTERS = 400
YAML_MAX_BYTES = 256 * KIB
CLASSES_MAX = 20_000
IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"})
SPLITS = frozenset({"train", "val", "valid", "test"})
_ENCRYPTED = 0x1
_END, _END64_LOCATOR, _END64 = b"PK\x05\x06", b"PK\x06\x07", b"PK\x06\x06"


@dataclass(frozen=True, slots=True)
class DatasetFacts:
    image_count: int
    label_count: int
    class_names: list[str]


def dataset_examine(file: BinaryIO, *, purpose: str) -> DatasetFacts:
    """Counts and class names of a YOLO dataset. Raises InvalidInput with a sentence for anything else."""
    _directory_check(file)
    try:
        with zipfile.ZipFile(file) as archive:
            return _facts(archive, purpose)
    except (
        zipfile.BadZipFile,
        zipfile.LargeZipFile,
        zlib.error,
        EOFError,
        NotImplementedError,
        struct.error,
    ) as error:
        raise _refused("The zip file is damaged.", "Make it again, then upload it.") from error
    except (UnicodeError, OverflowError, RuntimeError, ValueError) as error:
        raise _refused("The zip file cannot be read.", "Make it again with a usual zip program.") from error


def _facts(archive: zipfile.ZipFile, purpose: str) -> DatasetFacts:
    entries = archive.infolist()
    if len(entries) > ENTRIES_MAX:
        raise _refused(f"The zip file has more than {ENTRIES_MAX:,} entries.", "Split the dataset.")
    seen: set[str] = set()
    unpacked = images = labels = 0
    folders: set[str] = set()
    descriptions: list[zipfile.ZipInfo] = []
    for entry in entries:
        _entry_check(entry, seen)
        unpacked += entry.file_size
        if unpacked > UNPACKED_MAX_BYTES:
            raise _refused("The zip file unpacks to more than 16 GiB.", "Split the dataset.")
        if entry.is_dir():
            continue
        path = PurePosixPath(entry.filename)
        suffix = path.suffix.lower()
        if suffix in IMAGE_SUFFIXES:
            images += 1
            parts = path.parts
            if len(parts) >= 3 and parts[-3] in SPLITS:
                folders.add(parts[-2])
        elif suffix == ".txt" and "labels" in path.parts:
            labels += 1
        elif suffix in (".yaml", ".yml") and len(path.parts) <= 2:
            descriptions.append(entry)
    if not images:
        raise _refused(
            "The zip file holds no images.", "A YOLO dataset has images/ and labels/ folders and a data.yaml."
        )
    names = _class_names(archive, descriptions)
    if not names and not labels:
        names = sorted(folders)
    if purpose == DatasetPurpose.EVALUATION and not names:
        raise _refused(
            "The dataset does not name its classes.",
            "Add a data.yaml with `names:` beside the images/ folder.",
        )
    return DatasetFacts(images, labels, names)


def _entry_check(entry: zipfile.ZipInfo, seen: set[str]) -> None:
    name = entry.filename
    # orig_filename is what stands in the archive; ZipFile cuts names at NUL and turns separators round.
    if (
        name != entry.orig_filename
        or len(name) > NAME_MAX_CHARACTERS
        or not name.isprintable()
        or "\\" in name
    ):
        raise _refused("The zip file holds an entry with a name that cannot be kept.", "Use plain names.")
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or name[1:2] == ":":
        raise _refused(
            f"The zip file holds an entry that points outside of it: {name[:80]}.", "Make it from one folder."
        )
    folded = name.rstrip("/").casefold()
    if folded in seen:
        raise _refused(f"The zip file holds {name[:80]} twice.", "Make it again from one folder.")
    seen.add(folded)
    mode = entry.external_attr >> 16
    if mode and not (stat.S_ISREG(mode) or stat.S_ISDIR(mode) or stat.S_IFMT(mode) == 0):
        raise _refused(
            f"The zip file holds a link or device: {name[:80]}.", "Put the files themselves into it."
        )
    if entry.flag_bits & _ENCRYPTED:
        raise _refused("The zip file is encrypted.", "Make it without a password.")
    if entry.file_size > RATIO_FREE_BYTES and entry.file_size > entry.compress_size * RATIO_MAX:
        raise _refused(
            f"{name[:80]} would unpack to {RATIO_MAX} times its size or more, which only a zip bomb does.",
            "Remove it from the zip file.",
        )


class _PlainLoader(yaml.SafeLoader):
    """Safe YAML without aliases, which could grow a small text without bound."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("aliases are not accepted")
        return super().compose_node(parent, index)


def _class_names(archive: zipfile.ZipFile, descriptions: list[zipfile.ZipInfo]) -> list[str]:
    for entry in sorted(descriptions, key=lambda e: (len(PurePosixPath(e.filename).parts), e.filename)):
        with archive.open(entry) as file:
            text = file.read(YAML_MAX_BYTES + 1)
        if len(text) > YAML_MAX_BYTES:
            raise _refused(f"{entry.filename} is larger than 256 KiB.", "Keep only paths and names in it.")
        try:
            content = yaml.load(text, Loader=_PlainLoader)  # noqa: S506 - a SafeLoader
        except (yaml.YAMLError, RecursionError) as error:
            raise _refused(
                f"{entry.filename} is not valid YAML.", "Correct it, then upload the dataset again."
            ) from error
        if not isinstance(content, dict) or "names" not in content:
            continue
        names = content["names"]
        if isinstance(names, dict):
            if not all(isinstance(key, int) for key in names):
                raise _refused(
                    f"The names in {entry.filename} are not numbered.", "Number the classes from 0."
                )
            names = [names[key] for key in sorted(names)]
        if not isinstance(names, list) or len(names) > CLASSES_MAX:
            raise _refused(
                f"The names in {entry.filename} are not a list.", "Write `names:` as a list of classes."
            )
        return [str(name)[:200].replace("\0", "") for name in names if isinstance(name, str | int | float)]
    return []


def _directory_check(file: BinaryIO) -> None:
    """Refuse a huge central directory before zipfile reads it into memory. Source: PKWARE APPNOTE 4.3.14–4.3.16."""
    file.seek(0, 2)
    size = file.tell()
    tail_at = max(0, size - 65_557)
    file.seek(tail_at)
    tail = file.read()
    at = tail.rfind(_END)
    if at < 0 or len(tail) - at < 22:
        raise _refused(
            "This is not a zip file, or it was cut off.", "Make a zip of the dataset, then upload it."
        )
    entries, directory_bytes = struct.unpack_from("<HI", tail, at + 10)
    if entries == 0xFFFF or directory_bytes == 0xFFFFFFFF:
        locator = at - 20
        if locator < 0 or tail[locator : locator + 4] != _END64_LOCATOR:
            raise _refused("The zip file is damaged.", "Make it again, then upload it.")
        (end64_at,) = struct.unpack_from("<Q", tail, locator + 8)
        if end64_at > size:
            raise _refused("The zip file is damaged.", "Make it again, then upload it.")
        file.seek(end64_at)
        record = file.read(56)
        if len(record) < 56 or not record.startswith(_END64):
            raise _refused("The zip file is damaged.", "Make it again, then upload it.")
        entries, directory_bytes = struct.unpack_from("<QQ", record, 32)
    if entries > ENTRIES_MAX or directory_bytes > DIRECTORY_MAX_BYTES:
        raise _refused(f"The zip file has more than {ENTRIES_MAX:,} entries.", "Split the dataset.")
    file.seek(0)


def _refused(detail: str, hint: str) -> InvalidInput:
    return InvalidInput(detail, hint=hint, code="dataset_refused", errors={"upload": [f"{detail} {hint}"]})
