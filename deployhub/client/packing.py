"""Pack a folder as a zip that depends on nothing but its files: sorted names, one time, no compression."""

from __future__ import annotations

import os
import shutil
import zipfile
from pathlib import Path

from deployhub.client.failures import UsageWrong

# The oldest time that a zip can hold: the bytes must not depend on when they were packed.
ZIP_TIME = (1980, 1, 1, 0, 0, 0)
IGNORED_NAMES = frozenset({".DS_Store", "Thumbs.db", "desktop.ini"})
IGNORED_SUFFIXES = (".cache",)
"""What file managers and Ultralytics leave beside the images."""


def folder_pack(folder: Path, target: Path) -> int:
    """Pack the folder's files; returns how many. The same files give the same bytes on every machine.

    Raises UsageWrong for links, which would pack what lies elsewhere, and for an empty folder.
    """
    files = sorted(_files(folder), key=lambda path: path.relative_to(folder).as_posix())
    if not files:
        raise UsageWrong(f"{folder} holds no files.")
    # Images don't shrink further, and compressors differ from one machine to the next.
    with zipfile.ZipFile(target, "w", compression=zipfile.ZIP_STORED) as archive:
        for path in files:
            entry = zipfile.ZipInfo(path.relative_to(folder).as_posix(), date_time=ZIP_TIME)
            entry.create_system = 3  # Unix, wherever the zip is made
            entry.external_attr = 0o644 << 16
            entry.file_size = path.stat().st_size
            with path.open("rb") as source, archive.open(entry, "w") as sink:
                shutil.copyfileobj(source, sink, 1024**2)
    return len(files)


def _files(folder: Path) -> list[Path]:
    found: list[Path] = []
    for root, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in [*folders, *names]:
            if (Path(root) / name).is_symlink():
                raise UsageWrong(
                    f"{Path(root) / name} is a symbolic link.",
                    hint="Put the files themselves into the folder.",
                )
        found += [
            Path(root) / name
            for name in names
            if name not in IGNORED_NAMES and not name.startswith(".") and not name.endswith(IGNORED_SUFFIXES)
        ]
    return found
