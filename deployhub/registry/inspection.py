"""What the engine found in a model file, checked again before it is kept.

The engine's process may have been taken over by the file that it opened, so its result is as untrusted as the file.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from deployhub.kernel.canonical import canonical_json
from deployhub.kernel.errors import DeployHubError
from deployhub.kernel.units import MIB
from deployhub.registry.vocab import Task

CLASSES_MAX = 20_000
NAME_MAX_CHARACTERS = 200
LAYERS_MAX = 5_000
INSPECTION_MAX_BYTES = 4 * MIB
IMAGE_SIZE_MAX_PX = 65_536
PARAMETERS_MAX = 10**13
_KEYS = (
    "kind", "task", "architecture", "variant", "image_size_px", "parameters", "gflops", "stride", "end_to_end",
    "layers", "trained_with", "inputs", "outputs", "scan", "engine",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class InspectionFacts:
    """The columns of a version that an inspection fills. `inspection` keeps the rest for the detail page."""

    task: str
    architecture: str
    variant: str
    parameters: int | None
    gflops: float | None
    image_size_px: int | None
    class_names: list[str]
    inspection: dict[str, Any]

    def columns(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


class InspectionInvalid(DeployHubError):
    status = 500
    code = "engine_output_invalid"
    title = "The inspection gave a result that cannot be used"


def inspection_facts(result: dict[str, Any]) -> InspectionFacts:
    """The engine's result as columns. Raises InspectionInvalid for anything of the wrong shape or size."""
    try:
        if len(canonical_json(result)) > INSPECTION_MAX_BYTES:
            raise InspectionInvalid("The inspection's result is larger than what is kept.")
        names = [_text(name, NAME_MAX_CHARACTERS) for name in _list(result.get("class_names"), CLASSES_MAX)]
        task = _text(result.get("task"), 10)
        if task and task not in Task.values:
            raise InspectionInvalid(f"The inspection names a task that does not exist: {task}.")
        gflops = result.get("gflops")
        return InspectionFacts(
            task=task,
            architecture=_text(result.get("architecture"), 60),
            variant=_text(result.get("variant"), 4),
            parameters=_count(result.get("parameters"), PARAMETERS_MAX),
            gflops=float(gflops) if isinstance(gflops, int | float) and math.isfinite(gflops) else None,
            image_size_px=_image_size(result.get("image_size_px")),
            class_names=names,
            inspection=_kept(result),
        )
    except InspectionInvalid:
        raise
    except (TypeError, ValueError, AttributeError, RecursionError) as error:
        raise InspectionInvalid("The inspection's result has the wrong shape.") from error


def _kept(result: dict[str, Any]) -> dict[str, Any]:
    kept = {key: _finite(result[key]) for key in _KEYS if key in result}
    kept["layers"] = [
        {
            "index": _count(layer.get("index"), LAYERS_MAX) or 0,
            "type": _text(layer.get("type"), 120),
            "parameters": _count(layer.get("parameters"), PARAMETERS_MAX),
        }
        for layer in _list(result.get("layers"), LAYERS_MAX)
    ]
    for key in ("trained_with", "scan", "engine"):
        if not isinstance(kept.get(key, {}), dict):
            raise InspectionInvalid(f"The inspection's {key} is not a mapping.")
    for key in ("inputs", "outputs"):
        kept[key] = _list(kept.get(key), LAYERS_MAX)
    return kept


def _finite(value: Any) -> Any:
    """JSON has no NaN; PostgreSQL's JSON column refuses it, and U+0000 too."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, str):
        return value.replace("\0", "\N{REPLACEMENT CHARACTER}")
    if isinstance(value, list):
        return [_finite(item) for item in value]
    if isinstance(value, dict):
        return {_finite(str(key)): _finite(item) for key, item in value.items()}
    return value


def _text(value: Any, limit: int) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise InspectionInvalid("The inspection's result holds a text of the wrong type.")
    return value.replace("\0", "\N{REPLACEMENT CHARACTER}")[:limit]


def _list(value: Any, limit: int) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list) or len(value) > limit:
        raise InspectionInvalid("The inspection's result holds a list that is too long or none at all.")
    return value


def _count(value: Any, limit: int) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= limit:
        raise InspectionInvalid("The inspection's result holds a number out of range.")
    return value


def _image_size(value: Any) -> int | None:
    """The longer side, in pixels."""
    sides = [_count(side, IMAGE_SIZE_MAX_PX) for side in _list(value, 4)]
    return max((side for side in sides if side), default=None)
