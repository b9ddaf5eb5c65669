"""Walk an ONNX file's protobuf without a protobuf library: bounded, flat in memory, nothing executed."""

from __future__ import annotations

import math
import mmap
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from deployhub.engine.spec import GIB, EngineError, ErrorCode

NODES_MAX = 100_000
DEPTH_MAX = 12
SUBGRAPHS_MAX = 2_000
FIELDS_MAX = 5_000_000
TENSOR_BYTES_MAX = 4 * GIB
_DOMAINS = frozenset({"", "ai.onnx", "ai.onnx.ml", "com.microsoft"})
_SHORT_TEXT = 300
_HINT = "Export the model again to a single .onnx file, and upload that."

# Field numbers of onnx.proto3.
_MODEL_IR, _MODEL_GRAPH, _MODEL_FUNCTIONS = 1, 7, 25
_GRAPH_NODE, _GRAPH_INITIALIZER, _GRAPH_SPARSE = 1, 5, 15
_NODE_ATTRIBUTE, _NODE_OP, _NODE_DOMAIN = 5, 4, 7
_ATTRIBUTE_TENSOR, _ATTRIBUTE_GRAPH, _ATTRIBUTE_TENSORS, _ATTRIBUTE_GRAPHS = 5, 6, 10, 11
_ATTRIBUTE_SPARSE, _ATTRIBUTE_SPARSES = 22, 23
_TENSOR_DIMS, _TENSOR_RAW, _TENSOR_EXTERNAL, _TENSOR_LOCATION = 1, 9, 13, 14
_FUNCTION_NODE, _FUNCTION_DOMAIN = 7, 10


def onnx_walk(stream: BinaryIO, *, folder: Path) -> dict[str, Any]:
    """Inspect an ONNX file: domains, external data, nesting, sizes.

    folder: where its external data would be looked for. Returns what `inspect_file` returns.
    Raises EngineError.
    """
    with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
        walk = _Walk(content, folder)
        walk.model()
    notes = ["Uses operators of ONNX Runtime (com.microsoft)."] if "com.microsoft" in walk.domains else []
    return {"kind": "onnx", "globals": [], "verdict": "accepted", "notes": notes}


def _broken() -> EngineError:
    return EngineError(
        ErrorCode.CORRUPT_FILE,
        "The file is damaged or not an ONNX model: its structure can't be read.",
        "Export the model again, and upload that file.",
    )


class _Walk:
    def __init__(self, content: mmap.mmap, folder: Path) -> None:
        self._content = content
        self._folder = folder
        self._fields = self._nodes = self._subgraphs = 0
        self._function_domains: set[str] = set()
        self.domains: set[str] = set()

    def _varint(self, at: int, end: int) -> tuple[int, int]:
        value = shift = 0
        while at < end and shift < 70:
            byte = self._content[at]
            value |= (byte & 0x7F) << shift
            at += 1
            if byte < 0x80:
                return value, at
            shift += 7
        raise _broken()

    def _read(self, start: int, end: int) -> Iterator[tuple[int, int, int, int]]:
        """Fields of one message: (number, value or -1, start, end of a length-delimited payload)."""
        at = start
        while at < end:
            self._fields += 1
            if self._fields > FIELDS_MAX:
                raise _too_much("has more parts than any model needs")
            key, at = self._varint(at, end)
            number, wire = key >> 3, key & 7
            if wire == 0:
                value, at = self._varint(at, end)
                yield number, value, at, at
            elif wire == 2:
                length, at = self._varint(at, end)
                if length > end - at:
                    raise _broken()
                yield number, -1, at, at + length
                at += length
            elif wire in (1, 5):
                at += 8 if wire == 1 else 4
                if at > end:
                    raise _broken()
                yield number, -1, at, at
            else:
                raise _broken()

    def _text(self, start: int, end: int) -> str:
        return self._content[start : min(end, start + _SHORT_TEXT)].decode("utf-8", errors="replace")

    def model(self) -> None:
        graphs: list[tuple[int, int]] = []
        functions: list[tuple[int, int]] = []
        version = -1
        for number, value, start, end in self._read(0, len(self._content)):
            if number == _MODEL_IR:
                version = value
            elif number == _MODEL_GRAPH:
                graphs.append((start, end))
            elif number == _MODEL_FUNCTIONS:
                functions.append((start, end))
        if not graphs or not 0 < version < 1000:
            raise _broken()
        for start, end in functions:
            for number, _value, low, high in self._read(start, end):
                if number == _FUNCTION_DOMAIN:
                    self._function_domains.add(self._text(low, high))
        for start, end in functions:
            for number, _value, low, high in self._read(start, end):
                if number == _FUNCTION_NODE:
                    self._node(low, high, 1)
        for start, end in graphs:
            self._graph(start, end, 1)

    def _graph(self, start: int, end: int, depth: int) -> None:
        self._subgraphs += 1
        if depth > DEPTH_MAX or self._subgraphs > SUBGRAPHS_MAX:
            raise _too_much("nests its branches deeper than any model needs")
        for number, _value, low, high in self._read(start, end):
            if number == _GRAPH_NODE:
                self._node(low, high, depth)
            elif number == _GRAPH_INITIALIZER:
                self._tensor(low, high)
            elif number == _GRAPH_SPARSE:
                self._sparse(low, high)

    def _node(self, start: int, end: int, depth: int) -> None:
        self._nodes += 1
        if self._nodes > NODES_MAX:
            raise _too_much("has more operators than any model needs")
        domain = operator = ""
        for number, _value, low, high in self._read(start, end):
            if number == _NODE_DOMAIN:
                domain = self._text(low, high)
            elif number == _NODE_OP:
                operator = self._text(low, high)
            elif number == _NODE_ATTRIBUTE:
                self._attribute(low, high, depth)
        self.domains.add(domain)
        if domain not in _DOMAINS and domain not in self._function_domains:
            raise EngineError(
                ErrorCode.UNSUPPORTED_FILE,
                f"The model uses {domain[:80]}.{operator[:80]}, an operator that needs a program library of its own.",
                "Export the model again with standard ONNX operators only.",
            )

    def _attribute(self, start: int, end: int, depth: int) -> None:
        for number, _value, low, high in self._read(start, end):
            if number in (_ATTRIBUTE_GRAPH, _ATTRIBUTE_GRAPHS):
                self._graph(low, high, depth + 1)
            elif number in (_ATTRIBUTE_TENSOR, _ATTRIBUTE_TENSORS):
                self._tensor(low, high)
            elif number in (_ATTRIBUTE_SPARSE, _ATTRIBUTE_SPARSES):
                self._sparse(low, high)

    def _sparse(self, start: int, end: int) -> None:
        for number, _value, low, high in self._read(start, end):
            if number in (1, 2) and high > low:
                self._tensor(low, high)

    def _tensor(self, start: int, end: int) -> None:
        dims: list[int] = []
        location = ""
        is_external = False
        for number, value, low, high in self._read(start, end):
            if number == _TENSOR_DIMS:
                dims += [value] if value >= 0 else self._packed(low, high)
            elif number == _TENSOR_LOCATION and value == 1:
                is_external = True
            elif number == _TENSOR_EXTERNAL:
                is_external = True
                entry = {field: self._text(a, b) for field, _v, a, b in self._read(low, high)}
                if entry.get(1) == "location":
                    location = entry.get(2, "")
        if is_external:
            raise self._external(location)
        if math.prod(dims) > TENSOR_BYTES_MAX:
            raise _too_much("declares a tensor larger than any model needs")

    def _packed(self, start: int, end: int) -> list[int]:
        values: list[int] = []
        while start < end and len(values) < 64:
            value, start = self._varint(start, end)
            values.append(value)
        return values

    def _external(self, location: str) -> EngineError:
        parts = PurePosixPath(location.replace("\\", "/")).parts
        leaves = location.startswith(("/", "\\")) or ".." in parts or ":" in location[:3]
        target = self._folder / location if location and not leaves else None
        if target is not None and (target.is_symlink() or (target.is_file() and target.stat().st_nlink > 1)):
            leaves = True
        if leaves:
            return EngineError(
                ErrorCode.MALICIOUS_MODEL,
                f"This model tries to read “{location[:120]}”, a file outside of it. It was refused and never loaded.",
                "Get the model from its author again, and don't open this file anywhere.",
            )
        return EngineError(
            ErrorCode.UNSUPPORTED_FILE,
            f"The model keeps its weights in a second file, “{location[:120]}”, which was not uploaded.",
            _HINT,
        )


def _too_much(what: str) -> EngineError:
    return EngineError(ErrorCode.INVALID_MODEL, f"The model {what}, so it was refused.", _HINT)
