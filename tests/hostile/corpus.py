"""Hostile files, built in code when a test asks for them; none is ever committed."""

from __future__ import annotations

import io
import pickle
import struct
import zipfile
from typing import Any


class Call:
    """Pickles as "call this with these arguments"."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self._call = (function, arguments)

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return self._call


def call_by_name(module: str, name: str, *arguments: str) -> bytes:
    """A protocol 2 pickle that calls module.name(*arguments); the module need not exist here."""
    parts = [b"\x80\x02c" + module.encode() + b"\n" + name.encode() + b"\n("]
    for argument in arguments:
        raw = argument.encode()
        parts.append(b"X" + struct.pack("<I", len(raw)) + raw)
    return b"".join([*parts, b"tR."])


def call_by_stack(module: str, name: str, argument: str) -> bytes:
    """The same with STACK_GLOBAL, which hides the name from readers of GLOBAL alone."""
    out = b"\x80\x04"
    for text in (module, name):
        out += b"\x8c" + bytes([len(text)]) + text.encode()
    return out + b"\x93(\x8c" + bytes([len(argument)]) + argument.encode() + b"tR."


# (module, name, what the refusal calls it): one per published trick of model scanners' advisories and ours.
GADGETS = [
    ("os", "system"), ("posix", "system"), ("nt", "system"), ("os", "popen"), ("os", "execv"),
    ("subprocess", "Popen"), ("subprocess", "check_output"), ("builtins", "eval"), ("__builtin__", "exec"),
    ("builtins", "__import__"), ("builtins", "compile"), ("builtins", "open"), ("runpy", "run_path"),
    ("pip", "main"), ("pip._internal", "main"), ("ensurepip", "_run_pip"), ("uuid", "_get_command_stdout"),
    ("pydoc", "locate"), ("pydoc", "pipepager"), ("importlib", "import_module"), ("timeit", "main"),
    ("cProfile", "runctx"), ("code", "InteractiveInterpreter"), ("pdb", "run"), ("bdb", "Bdb.run"),
    ("asyncio.unix_events", "_UnixSubprocessTransport._start"), ("multiprocessing.util", "spawnv_passfds"),
    ("webbrowser", "open"), ("urllib.request", "urlopen"), ("socket", "create_connection"),
    ("shutil", "rmtree"), ("ctypes", "CDLL"), ("types", "CodeType"), ("marshal", "loads"),
    ("pickle", "loads"), ("_pickle", "loads"), ("operator", "attrgetter"), ("operator", "methodcaller"),
    ("functools", "partial"), ("torch.hub", "load"), ("torch", "load"), ("torch.jit", "load"),
    ("torch.utils.cpp_extension", "load_inline"), ("torch.serialization", "load"),
    ("torch._inductor.codecache", "compile_file"), ("numpy.f2py.crackfortran", "getlincoef"),
    ("numpy.testing._private.utils", "runstring"), ("ultralytics.utils.checks", "check_requirements"),
    ("ultralytics.utils.downloads", "safe_download"), ("ultralytics.nn.tasks", "torch_safe_load"),
    ("ultralytics", "YOLO"), ("django.utils.module_loading", "import_string"), ("site", "main"),
    ("ast", "literal_eval"), ("logging.config", "listen"), ("profile", "Profile.run"),
]  # fmt: skip


def torch_archive(content: bytes, *, extra: dict[str, bytes] | None = None) -> bytes:
    """A file as torch.save lays it out, around the given pickle."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("best/data.pkl", content)
        archive.writestr("best/version", b"3\n")
        for name, value in (extra or {}).items():
            archive.writestr(name, value)
    return out.getvalue()


def zip_bomb() -> bytes:
    """600 KB that unpack to 600 MB."""
    out = io.BytesIO()
    with (
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("best/data.pkl", "w") as entry,
    ):
        for _ in range(600):
            entry.write(bytes(1024**2))
    return out.getvalue()


def zip_of(*entries: tuple[str, bytes, int]) -> bytes:
    """An archive of (name, content, unix mode); names may repeat."""
    import warnings

    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, content, mode in entries:
            entry = zipfile.ZipInfo(name)
            entry.external_attr = mode << 16
            archive.writestr(entry, content)
    return out.getvalue()


def benign_pickle() -> bytes:
    """A dictionary and nothing else."""
    return pickle.dumps({"epoch": 1}, protocol=2)


def _field(number: int, payload: bytes | int) -> bytes:
    if isinstance(payload, int):
        return _varint(number << 3) + _varint(payload)
    return _varint(number << 3 | 2) + _varint(len(payload)) + payload


def _varint(value: int) -> bytes:
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def onnx_model(graph: bytes) -> bytes:
    """A minimal ModelProto around a GraphProto."""
    return _field(1, 8) + _field(7, graph) + _field(8, _field(1, b"") + _field(2, 17))


def onnx_external(location: str) -> bytes:
    """A model whose one initializer lies in another file."""
    entry = _field(1, b"location") + _field(2, location.encode())
    tensor = _field(1, 4) + _field(2, 1) + _field(8, b"w") + _field(13, entry) + _field(14, 1)
    return onnx_model(_field(2, b"g") + _field(5, tensor))


def onnx_nested(depth: int) -> bytes:
    """If inside If inside If …"""
    graph = _field(2, b"leaf")
    for _ in range(depth):
        attribute = _field(1, b"then_branch") + _field(6, graph) + _field(20, 5)
        graph = _field(2, b"g") + _field(1, _field(4, b"If") + _field(5, attribute))
    return onnx_model(graph)


def onnx_custom_domain(domain: str) -> bytes:
    """One node of a domain that needs a library of its own."""
    return onnx_model(_field(2, b"g") + _field(1, _field(4, b"Evil") + _field(7, domain.encode())))
