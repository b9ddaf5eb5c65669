"""Decide what a file is by its first bytes, and look through it without executing anything."""

from __future__ import annotations

from pathlib import Path
from typing import Any, BinaryIO

from deployhub.engine.intake.archives import archive_walk, file_open
from deployhub.engine.intake.onnx_graph import onnx_walk
from deployhub.engine.intake.pickles import PICKLE_BYTES_MAX, PickleReport, pickle_walk
from deployhub.engine.spec import EngineError, ErrorCode

_UPLOAD_HINT = "Upload a .pt file that Ultralytics saved, or a .onnx file."
_LEGACY_PICKLES_MAX = 8
_KNOWN_STARTS = (
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"%PDF", "a PDF document"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"7z\xbc\xaf", "a 7-Zip archive"),
    (b"Rar!", "a RAR archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ", "an xz archive"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard archive"),
    (b"\x89HDF", "a Keras or HDF5 file"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
    (b"#!", "a script"),
)
_TORCH_PARTS = ("data/", ".data/")
_TORCH_FILES = ("data.pkl", ".format_version", ".storage_alignment", "byteorder", "version")


def inspect_file(path: Path) -> dict[str, Any]:
    """Inspect an untrusted model file.

    Returns {"kind": "pt" | "onnx", "globals": [dotted names], "verdict": "accepted", "notes": [str]}.
    Raises EngineError with the refusal's sentence; nothing in the file was executed.
    """
    with file_open(path) as stream:
        start = stream.read(512)
        stream.seek(0)
        if not start:
            raise EngineError(ErrorCode.CORRUPT_FILE, "The file is empty.", "Upload it again.")
        if start.startswith(b"PK"):
            found = _torch_archive(stream)
        elif start[257:262] == b"ustar" or (
            start[:1] == b"\x80" and start[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05")
        ):
            raise _legacy(stream, is_tar=start[257:262] == b"ustar")
        elif start[:1] == b"\x08":
            found = onnx_walk(stream, folder=path.parent)
        else:
            raise _unknown(stream, start)
    suffix = path.suffix.lower()
    if suffix in (".pt", ".onnx") and suffix != f".{found['kind']}":
        raise EngineError(
            ErrorCode.UNSUPPORTED_FILE,
            f"The file is called {suffix}, but it is a .{found['kind']} file inside.",
            f"Rename it to end in .{found['kind']} and upload it again.",
        )
    return found


def _torch_archive(stream: BinaryIO) -> dict[str, Any]:
    archive = archive_walk(stream)
    files = [entry for entry in archive.infolist() if not entry.is_dir()]
    tops = {entry.filename.partition("/")[0] for entry in files}
    inner = {entry.filename.partition("/")[2]: entry for entry in files}
    if len(tops) == 1 and any(name.startswith("code/") or name == "constants.pkl" for name in inner):
        raise EngineError(
            ErrorCode.NOT_A_YOLO_MODEL,
            "This is a TorchScript file, which is already an export and holds program code.",
            "Upload the .pt file that training saved (best.pt), and export it here.",
        )
    if len(tops) != 1 or "data.pkl" not in inner:
        raise EngineError(
            ErrorCode.NOT_A_YOLO_MODEL, "This is a zip archive, but not a saved PyTorch model.", _UPLOAD_HINT
        )
    strangers = [name for name in inner if name not in _TORCH_FILES and not name.startswith(_TORCH_PARTS)]
    if strangers:
        raise EngineError(
            ErrorCode.ARCHIVE_REFUSED,
            f"The model file holds something that PyTorch does not put there: “{strangers[0][:80]}”.",
            "Save the model again with Ultralytics, and upload that file.",
        )
    if inner["data.pkl"].file_size > PICKLE_BYTES_MAX:
        raise EngineError(
            ErrorCode.ARCHIVE_REFUSED,
            "The list of the model's parts is larger than any model needs.",
            _UPLOAD_HINT,
        )
    content = archive.read(inner["data.pkl"])
    report = pickle_walk(content)
    if report.end != len(content):
        raise EngineError(
            ErrorCode.ARCHIVE_REFUSED,
            "The model file holds more behind the list of its parts.",
            "Save the model again with Ultralytics, and upload that file.",
        )
    return _accepted("pt", report, notes=[])


def _accepted(kind: str, report: PickleReport, *, notes: list[str]) -> dict[str, Any]:
    return {"kind": kind, "globals": report.globals, "verdict": "accepted", "notes": notes}


def _legacy(stream: BinaryIO, *, is_tar: bool) -> EngineError:
    """Old formats are refused in each case, but first looked at: the sentence should say if it was an attack."""
    content = stream.read(PICKLE_BYTES_MAX)
    if is_tar:
        for at in _pickle_starts(content):
            _look(content[at:])
    for _ in range(_LEGACY_PICKLES_MAX):
        if is_tar or not content.startswith(b"\x80"):
            break
        end = _look(content)
        if not end:
            break
        content = content[end:]
    return EngineError(
        ErrorCode.UNSUPPORTED_FILE,
        "This file is a plain pickle or a PyTorch file of before version 1.6, which can't be checked safely.",
        "Load it where you trust it, save it again with the current Ultralytics, and upload that file.",
    )


def _pickle_starts(content: bytes) -> list[int]:
    return [at for at in range(512, min(len(content), 2**20), 512) if content[at : at + 1] == b"\x80"]


def _look(content: bytes) -> int:
    """End of the pickle at the start, 0 when there is none. Raises EngineError malicious_model."""
    try:
        return pickle_walk(content).end
    except EngineError as refusal:
        if refusal.code == ErrorCode.MALICIOUS_MODEL:
            raise
        return 0


def _unknown(stream: BinaryIO, start: bytes) -> EngineError:
    # Protocol 0 pickles are printable text: look for one before calling it text.
    if start[:1] in b"c(]}lid":
        _look(stream.read(PICKLE_BYTES_MAX))
    for magic, what in _KNOWN_STARTS:
        if start.startswith(magic):
            return EngineError(ErrorCode.UNSUPPORTED_FILE, f"This is {what}, not a model.", _UPLOAD_HINT)
    printable = sum(32 <= byte < 127 or byte in b"\t\r\n" for byte in start)
    what = "a text file" if printable == len(start) else "not a kind of file that is known here"
    return EngineError(
        ErrorCode.UNSUPPORTED_FILE,
        f"This is {what}, not a model.".replace("here, not a model", "here"),
        _UPLOAD_HINT,
    )
