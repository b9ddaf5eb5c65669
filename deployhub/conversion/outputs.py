"""What the engine left behind, looked at again by the parent: the engine worked on an untrusted file."""

from __future__ import annotations

import math
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from deployhub.conversion.vocab import (
    OUTPUT_FILES_MAX,
    OUTPUT_PATH_MAX_CHARACTERS,
    RESULT_JSON_MAX_CHARACTERS,
)
from deployhub.kernel.canonical import canonical_json, canonical_sha256
from deployhub.kernel.errors import DeployHubError
from deployhub.registry.storage import file_sha256
from deployhub.registry.vocab import Proof


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


def manifest_sha256(files: list[OutputFile]) -> str:
    """One digest for all files of an artifact: over their paths, sizes and digests."""
    return canonical_sha256([{"path": f.path, "sha256": f.sha256, "size_bytes": f.size_bytes} for f in files])


@dataclass(frozen=True, slots=True)
class Findings:
    """What the engine found out about an export, in bounded plain values."""

    proof: str
    proof_reason: str
    comparison: dict[str, Any]
    latency_ms: dict[str, Any]
    runtime: dict[str, Any]
    toolchain: dict[str, Any]
    machine: dict[str, Any]
    durations_s: dict[str, Any]
    options: dict[str, Any]


def findings_read(result: dict[str, Any]) -> Findings:
    """Take the findings from an engine's result. Verified is only what was compared and passed."""
    tables = {
        name: _plain(table) if isinstance(table := result.get(name), dict) else {}
        for name in ("comparison", "latency_ms", "runtime", "toolchain", "machine", "durations_s", "options")
    }
    if len(canonical_json(tables)) > RESULT_JSON_MAX_CHARACTERS:
        raise OutputInvalid("The engine told more of the export than can be kept.")
    proof = result.get("proof")
    reason = str(result.get("proof_reason") or "")[:2_000].replace("\0", "")
    if proof not in Proof.values:
        proof, reason = Proof.EXPORTED, reason or "The engine did not say how far the export was proven."
    if proof == Proof.VERIFIED and tables["comparison"].get("passed") is not True:
        proof, reason = Proof.LOADABLE, reason or "The comparison with the source did not pass."
    return Findings(proof=str(proof), proof_reason=reason, **tables)


def _plain(value: Any) -> Any:
    """JSON that every database takes: no NaN, no infinity, no NUL."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, str):
        return value.replace("\0", "")
    if isinstance(value, dict):
        return {str(key).replace("\0", ""): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return value if isinstance(value, bool | int | None) else str(value)
