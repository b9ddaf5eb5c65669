"""What the engine left behind, looked at again by the parent: the engine worked on an untrusted file."""

from __future__ import annotations

import math
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from deployhub.kernel.errors import DeployHubError
from deployhub.registry.storage import file_sha256

OUTPUT_FILES_MAX = 2_000
OUTPUT_PATH_MAX_CHARACTERS = 255
RESULT_JSON_MAX_CHARACTERS = 256 * 1024
"""What the engine tells of an export must fit here: it is shown on a page and kept for ever."""


class OutputInvalid(DeployHubError):
    code = "engine_output_invalid"
    title = "The engine's output was refused"

    def __init__(self, detail: str) -> None:
        super().__init__(
            detail,
            hint="The output was thrown away. Treat the model file with suspicion, and tell an administrator.",
        )


@dataclass(frozen=True, slots=True)
class OutputFile:
    """One checked file below out/. path: relative, with forward slashes."""

    path: str
    source: Path
    size_bytes: int
    sha256: str


def outputs_check(out: Path, told: Any) -> list[OutputFile]:
    """The files of `out/`, sorted by path; their sizes and digests equal what the engine told.

    Raises OutputInvalid for links, special files, odd paths, files that were not told and told ones that lack.
    """
    if not isinstance(told, list) or not told or not all(isinstance(entry, dict) for entry in told):
        raise OutputInvalid("The engine did not say which files it made.")
    expected = {str(entry.get("path")): entry for entry in told}
    found = sorted(_walk(out, out), key=lambda pair: pair[0])
    if {path for path, _, _ in found} != set(expected) or len(expected) != len(told):
        raise OutputInvalid("The engine left other files than it told of.")
    files = []
    for path, source, size_bytes in found:
        _path_check(path)
        sha256 = file_sha256(source)
        if expected[path].get("size_bytes") != size_bytes or expected[path].get("sha256") != sha256:
            raise OutputInvalid(f"The bytes of {path} are not those that the engine told of.")
        files.append(OutputFile(path, source, size_bytes, sha256))
    return files


def _walk(folder: Path, root: Path) -> Iterator[tuple[str, Path, int]]:
    count = 0
    pending = [folder]
    while pending:
        with os.scandir(pending.pop()) as listing:
            entries = list(listing)
        for entry in entries:
            count += 1
            if count > OUTPUT_FILES_MAX:
                raise OutputInvalid(f"The engine left more than {OUTPUT_FILES_MAX} files.")
            status = entry.stat(follow_symlinks=False)
            if stat.S_ISDIR(status.st_mode):
                pending.append(Path(entry.path))
            elif not stat.S_ISREG(status.st_mode) or status.st_nlink != 1:
                raise OutputInvalid("The engine left a link or a special file in its output.")
            else:
                path = Path(entry.path)
                yield path.relative_to(root).as_posix(), path, status.st_size


def _path_check(path: str) -> None:
    parts = PurePosixPath(path).parts
    if len(path) > OUTPUT_PATH_MAX_CHARACTERS or not path.isprintable() or "\\" in path or ".." in parts:
        raise OutputInvalid("The engine gave a file an odd name.")


def plain(value: Any) -> Any:
    """JSON that every database takes: no NaN, no infinity, no NUL."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, str):
        return value.replace("\0", "")
    if isinstance(value, dict):
        return {str(key).replace("\0", ""): plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    return value if isinstance(value, bool | int | None) else str(value)
