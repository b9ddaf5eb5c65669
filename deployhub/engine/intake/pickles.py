"""Walk the opcodes of a pickle without executing any, and hold them against the allow-list."""

from __future__ import annotations

import pickletools
from dataclasses import dataclass, field

from deployhub.engine.intake.allowed import is_allowed, is_layer, name_spell
from deployhub.engine.spec import EngineError, ErrorCode

PICKLE_BYTES_MAX = 64 * 1024**2
_OPCODES_MAX = 4_000_000
_NAMES_LISTED_MAX = 500
_STRINGS = (
    "BINUNICODE",
    "SHORT_BINUNICODE",
    "UNICODE",
    "BINUNICODE8",
    "STRING",
    "BINSTRING",
    "SHORT_BINSTRING",
)
_PUTS, _GETS = ("BINPUT", "LONG_BINPUT", "PUT", "MEMOIZE"), ("BINGET", "LONG_BINGET", "GET")
# What torch.save has never written; each would make names or calls harder to see.
_STRANGE = ("EXT1", "EXT2", "EXT4", "PERSID", "NEWOBJ_EX", "NEXT_BUFFER", "READONLY_BUFFER")


@dataclass(slots=True)
class PickleReport:
    """What a pickle mentions. globals: dotted names in order of appearance, each once."""

    globals: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    end: int = 0


def pickle_walk(content: bytes) -> PickleReport:
    """Read one pickle from the start of `content`.

    Raises EngineError: malicious_model for a name that is not on the allow-list, corrupt_file for bytes
    that are no pickle.
    """
    walk = _Walk()
    count = 0
    try:
        for opcode, argument, position in pickletools.genops(content):
            count += 1
            if count > _OPCODES_MAX:
                raise _refuse_shape("is built from millions of steps, which no model needs")
            walk.step(opcode.name, argument)
            walk.report.end = (position or 0) + 1
    except EngineError:
        raise
    except Exception as broken:
        if walk.report.refused:  # broken on purpose after the payload, which would run first
            raise malicious(walk.report.refused) from broken
        raise EngineError(
            ErrorCode.CORRUPT_FILE,
            "The model file is damaged: the list of its parts can't be read.",
            "Copy the file again from where it was trained, and upload that copy.",
        ) from broken
    if walk.report.refused:
        raise malicious(walk.report.refused)
    return walk.report


class _Walk:
    """Just enough of a pickle machine to know which names are called and how."""

    def __init__(self) -> None:
        self.report = PickleReport()
        self._memo: dict[int, str] = {}
        self._last = ""  # what the last push was: "s:text", "g:name" or ""
        self._strings: list[str] = []
        self._layer = ""  # a layer class was pushed; what follows must restore it
        self._layer_steps = 0
        self._after_getattr = False

    def step(self, opcode: str, argument: object) -> None:
        if opcode in _STRANGE:
            raise _refuse_shape("uses a way of storing objects that PyTorch never uses")
        if opcode in _PUTS:
            key = len(self._memo) if opcode == "MEMOIZE" else int(str(argument))
            self._memo[key] = self._last
            return
        pushed = ""
        if opcode in _STRINGS:
            pushed = f"s:{argument}"
        elif opcode in _GETS:
            pushed = self._memo.get(int(str(argument)), "")
        elif opcode in ("GLOBAL", "INST"):
            module, _, name = str(argument).partition(" ")
            pushed = "g:" + self._global(module, name)
        elif opcode == "STACK_GLOBAL":
            module, name = (["?", "?", *self._strings])[-2:]
            pushed = "g:" + self._global(module, name)
        self._layer_check(opcode, pushed)
        if pushed.startswith("s:"):
            self._strings = [*self._strings[-1:], pushed[2:]]
        if pushed.startswith("g:"):
            self._after_getattr = pushed == "g:builtins.getattr"
        self._last = pushed

    def _layer_check(self, opcode: str, pushed: str) -> None:
        """A saved layer is made empty and then filled; calling its constructor is an attacker's trick.

        It could allocate any amount of memory, or open a file that it names.
        """
        if self._layer:
            self._layer_steps += 1
            expected = "EMPTY_TUPLE" if self._layer_steps == 1 else "NEWOBJ"
            if opcode != expected:
                raise EngineError(
                    ErrorCode.MALICIOUS_MODEL,
                    f"This file tries to build a new {self._layer} when it is opened, which a saved model never "
                    "does. It was refused and never loaded.",
                    "Get the model from its author again, and don't open this file anywhere.",
                )
            if opcode == "NEWOBJ":
                self._layer, self._layer_steps = "", 0
            return
        # getattr(Detect, "forward") is the one place where a class is only mentioned.
        if pushed.startswith("g:") and is_layer(pushed[2:]) and not self._after_getattr:
            self._layer, self._layer_steps = pushed[2:].rpartition(".")[2], 0

    def _global(self, module: str, name: str) -> str:
        spelled = name_spell(module, name)
        report = self.report
        if spelled not in report.globals and len(report.globals) < _NAMES_LISTED_MAX:
            report.globals.append(spelled)
        if not is_allowed(spelled):
            report.refused.append(spelled)
            if len(report.refused) > _NAMES_LISTED_MAX:
                raise malicious(report.refused)
        return spelled


def malicious(names: list[str]) -> EngineError:
    """The refusal that names what the file tried, the most telling name first."""
    known = [
        name for name in names if not name.startswith(("torch.", "ultralytics.", "numpy.", "builtins.object"))
    ]
    first = (known or names)[0][:120]
    return EngineError(
        ErrorCode.MALICIOUS_MODEL,
        f"This file tries to call {first} when it is opened. It was refused and never loaded.",
        "A YOLO model needs nothing of the kind. Get it from its author again, and don't open this file anywhere.",
    )


def _refuse_shape(how: str) -> EngineError:
    return EngineError(
        ErrorCode.MALICIOUS_MODEL,
        f"This file {how}. It was refused and never loaded.",
        "Save the model again with the current Ultralytics, and upload that file.",
    )
