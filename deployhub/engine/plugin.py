"""The seam of a format: what one file in `deployhub/engine/formats` declares and does.

Nothing here or in a format file's top level may import a heavy package: the catalogue is read by starting
a Python that imports all of them.
"""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from deployhub.engine.source import SourceModel
    from deployhub.engine.toolchains.declared import Toolchain

    Images = NDArray[np.float32]

ALL_TASKS = ("detect", "segment", "classify", "pose", "obb")


class NotHere(Exception):
    """The export can't be run on this machine, which is no fault of the export. str(): why, as a sentence."""


class NamedOutput(NamedTuple):
    name: str
    values: NDArray[np.float32]


class Runner(ABC):
    """An exported model that is open in its runtime."""

    runtime: str
    version: str
    device: str = "CPU"

    @abstractmethod
    def run(self, images: Images) -> list[NamedOutput]:
        """Run the model once.

        images: (N, C, H, W), RGB, float32 in 0..1. Outputs come in the order of the graph, as float32.
        """


@dataclass(frozen=True)
class Conflict:
    """Options that can't go together. `when` names options, or facts of the source as `source.<fact>`."""

    when: Mapping[str, Any]
    message: str


def option(
    default: Any,
    *,
    label: str,
    help: str,
    unit: str = "",
    minimum: int | None = None,
    maximum: int | None = None,
    multiple_of: int | None = None,
    choices: Sequence[Any] | None = None,
    default_from: str | None = None,
) -> Any:
    """Declare one option of a format's `Options` dataclass.

    default_from: the fact of the source model that serves as default when it is known.
    """
    return field(
        default=default,
        metadata={
            "label": label,
            "help": help,
            "unit": unit,
            "minimum": minimum,
            "maximum": maximum,
            "multiple_of": multiple_of,
            "choices": list(choices) if choices is not None else None,
            "default_from": default_from,
        },
    )


@dataclass(frozen=True)
class ExportRequest:
    """One export: the loaded source, cleaned options, and an empty folder of its own.

    calibration: a dataset's YAML for quantisers, None where none was given.
    """

    source: SourceModel
    options: Any
    folder: Path
    seed: int
    log: Callable[[str], None]
    calibration: Path | None = None


class Format(ABC):
    """One export format. A subclass lives in a file of its own and is announced there as `FORMAT`."""

    key: ClassVar[str]
    label: ClassVar[str]
    description: ClassVar[str]
    suffix: ClassVar[str]
    layout: ClassVar[Literal["file", "folder"]] = "file"
    runtimes: ClassVar[tuple[str, ...]]
    precisions: ClassVar[tuple[str, ...]]
    tasks: ClassVar[tuple[str, ...]] = ALL_TASKS
    sources: ClassVar[tuple[str, ...]] = ("pt",)
    packages: ClassVar[tuple[str, ...]] = ()
    conflicts: ClassVar[tuple[Conflict, ...]] = ()
    toolchain: ClassVar[str] = "main"
    calibration: ClassVar[Literal["", "optional", "needed"]] = ""
    Options: ClassVar[type[Any]]

    @property
    def stable_name(self) -> str:
        """The name of the exported file or folder: the same for every export of this format."""
        return f"model{self.suffix}"

    def available(self) -> str:
        """Why this interpreter can't export this format, as a sentence; empty when it can."""
        from deployhub.engine.fingerprint import package_version

        missing = [name for name in self.packages if package_version(name) is None]
        if missing:
            return f"{self.label} needs {', '.join(missing)}, which this installation lacks."
        return ""

    def obstacle(self) -> str:
        """Why this machine can't export this format, not even after making its toolchain; empty when it can."""
        from deployhub.engine.toolchains.declared import MAIN
        from deployhub.engine.toolchains.making import build_obstacle

        return self.available() if self.toolchain == MAIN else build_obstacle(self._declared())

    def _declared(self) -> Toolchain:
        from deployhub.engine.toolchains.declared import toolchain_declared

        return toolchain_declared(self.toolchain)

    @abstractmethod
    def export(self, request: ExportRequest) -> Path:
        """Write the model below `request.folder`; returns the file, or the folder for a folder layout."""

    @abstractmethod
    def open(self, path: Path, *, options: Any) -> Runner:
        """Open an exported model in its runtime."""

    def described(self, path: Path) -> dict[str, Any]:
        """What an exported model says of itself: class_names, stride, task, and facts of its graph; what it omits is left out."""
        return {}

    def describe(self) -> dict[str, Any]:
        """This format as one entry of the catalogue."""
        reason = self.obstacle()
        declared = self._declared()
        return {
            "key": self.key,
            "label": self.label,
            "suffix": self.suffix,
            "layout": self.layout,
            "runtimes": list(self.runtimes),
            "sources": list(self.sources),
            "tasks": list(self.tasks),
            "toolchain": declared.key,
            "toolchain_name": declared.name,
            "toolchain_digest": declared.digest,
            "toolchain_builds": declared.builds,
            "needs": [need.says for need in declared.needs],
            "hardware": declared.hardware,
            "licence": declared.licence,
            "calibration": self.calibration,
            "available": not reason,
            "unavailable_reason": reason,
            "description": self.description,
            "precisions": list(self.precisions),
            "options": options_describe(self.Options),
            "conflicts": [
                {"when": dict(conflict.when), "message": conflict.message} for conflict in self.conflicts
            ],
        }


def options_describe(options: type[Any]) -> list[dict[str, Any]]:
    """Turn an `Options` dataclass into the catalogue's list of options."""
    return [_option_describe(declared) for declared in dataclasses.fields(options)]


def _option_describe(declared: dataclasses.Field[Any]) -> dict[str, Any]:
    meta = declared.metadata
    if "label" not in meta:
        raise TypeError(
            f"option {declared.name!r} is not declared with option(): it needs a label and a help text"
        )
    if meta["choices"] is not None:
        kind = "choice"
    elif isinstance(declared.default, bool):
        kind = "boolean"
    elif isinstance(declared.default, int):
        kind = "integer"
    else:
        raise TypeError(f"option {declared.name!r} has no type that a form knows")
    return {
        "name": declared.name,
        "type": kind,
        "label": meta["label"],
        "help": meta["help"],
        "unit": meta["unit"],
        "default": declared.default,
        "default_from": meta["default_from"],
        "minimum": meta["minimum"],
        "maximum": meta["maximum"],
        "multiple_of": meta["multiple_of"],
        "choices": meta["choices"],
        "required": False,
    }
