"""What a file says it is, by its name and its first bytes. Standard library only; nothing is parsed here."""

from __future__ import annotations

from pathlib import PurePosixPath

from deployhub.kernel.errors import InvalidInput
from deployhub.registry.vocab import DATASET_SUFFIXES, FILE_NAME_MAX_CHARACTERS, MODEL_SUFFIXES, SourceKind

ZIP_MAGIC = b"PK\x03\x04"
HEAD_BYTES = 64
_KNOWN_OTHERS = (
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"%PDF", "a PDF document"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"\x7fELF", "a program"),
    (b"\x89HDF", "an HDF5 file"),
    (b"<", "an HTML or XML page"),
    (b"{", "a JSON text"),
)


def file_name_check(name: str) -> str:
    """The name, when it is one that can be kept. Raises InvalidInput."""
    if not name or name in (".", ".."):
        raise InvalidInput(
            "The file has no name.", hint="Send its name with the upload.", errors=_on("A name is needed.")
        )
    if len(name) > FILE_NAME_MAX_CHARACTERS:
        raise InvalidInput(
            f"The file's name is longer than {FILE_NAME_MAX_CHARACTERS} characters.",
            hint="Rename the file, then upload it again.",
            errors=_on("Too long."),
        )
    if "/" in name or "\\" in name or not name.isprintable():
        raise InvalidInput(
            "The file's name contains a path or characters that cannot be shown.",
            hint="Send the name alone, without folders.",
            errors=_on("Not a plain file name."),
        )
    return name


def suffix_of(name: str) -> str:
    return PurePosixPath(name).suffix.lower()


def upload_suffix_check(name: str) -> None:
    """Refuse, before a byte is sent, what could become neither a version nor a dataset."""
    if suffix_of(name) not in (*MODEL_SUFFIXES, *DATASET_SUFFIXES):
        raise InvalidInput(
            f"{name} is neither a model (.pt, .onnx) nor a dataset (.zip).",
            hint="Choose a .pt or .onnx file for a version, a .zip for a dataset.",
            code="unsupported_file",
            errors=_on("This kind of file is not accepted."),
        )


def model_kind_of(*, file_name: str, head: bytes) -> SourceKind:
    """Kind of a model file by suffix and first bytes. Raises InvalidInput with a sentence about what it is instead."""
    suffix = suffix_of(file_name)
    if suffix not in MODEL_SUFFIXES:
        raise _refused(f"{file_name} is not a model: only .pt and .onnx files are accepted.")
    if suffix == ".pt":
        if not head.startswith(ZIP_MAGIC):
            raise _refused(
                f"{file_name} is not a PyTorch checkpoint{_instead(head)}.",
                "Save it with a current PyTorch (1.6 or newer), which writes the zip format, and upload it again.",
            )
        return SourceKind.PT
    # An ONNX file is a protobuf message that begins with field 1 (ir_version, a varint), 7 (graph) or 8 (opset).
    if len(head) < 4 or head[0] not in (0x08, 0x3A, 0x42) or head.startswith(ZIP_MAGIC):
        raise _refused(
            f"{file_name} is not an ONNX file{_instead(head)}.",
            "Export the model to ONNX and upload that file.",
        )
    return SourceKind.ONNX


def _instead(head: bytes) -> str:
    if head.startswith(ZIP_MAGIC):
        return ": it is a zip archive"
    for magic, what in _KNOWN_OTHERS:
        if head.startswith(magic):
            return f": it looks like {what}"
    if head and head.isascii() and head.decode("ascii").isprintable():
        return ": it looks like plain text"
    return ": its first bytes are not those of one"


def _on(sentence: str) -> dict[str, list[str]]:
    return {"file": [sentence]}


def _refused(detail: str, hint: str = "Choose a trained .pt or an exported .onnx file.") -> InvalidInput:
    return InvalidInput(detail, hint=hint, code="unsupported_file", errors={"upload": [f"{detail} {hint}"]})
