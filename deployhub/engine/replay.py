"""Is an export that was made again the same as the first? In bytes, in its graph, or in its answers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from deployhub.engine.plugin import Format, NotHere

if TYPE_CHECKING:
    from deployhub.engine.source import SourceModel

# Files that describe an export and take no part in what it answers.
DESCRIPTIVE = frozenset({"metadata.yaml", "Manifest.json", "fingerprint.pb"})
EQUAL_BYTES, EQUAL_GRAPH, EQUAL_OUTPUTS, DIFFERENT = (
    "equal_bytes",
    "equal_graph",
    "equal_outputs",
    "different",
)
SAME_ANSWER = 1e-6
"""Share of an output's largest value below which two runs of float32 arithmetic count as the same answer."""


def replay_compare(
    chosen: Format, *, before: Path, after: Path, source: SourceModel, options: Any, seed: int
) -> dict[str, str]:
    """Compare the files below `before` with those below `after`: {"outcome", "detail"}, with what differs."""
    from deployhub.engine.run import files_describe

    old, new = (
        {entry["path"]: entry["sha256"] for entry in files_describe(folder)} for folder in (before, after)
    )
    if old == new:
        return {"outcome": EQUAL_BYTES, "detail": "Every file has the same bytes."}
    if set(old) != set(new):
        gone, come = sorted(set(old) - set(new)), sorted(set(new) - set(old))
        return {
            "outcome": DIFFERENT,
            "detail": f"Other files: without {gone or 'none'}, with {come or 'none'}.",
        }
    differing = sorted(path for path in old if old[path] != new[path])
    named = ", ".join(differing[:5])
    if all(_says_the_same(before / path, after / path) for path in differing):
        return {"outcome": EQUAL_GRAPH, "detail": f"Only descriptions differ, in {named}."}
    return _answers_compare(chosen, before, after, source=source, options=options, seed=seed, named=named)


def _says_the_same(before: Path, after: Path) -> bool:
    """Whether two files differ in nothing that a runtime reads."""
    if before.name in DESCRIPTIVE:
        return True
    return before.suffix == ".onnx" and _graph_bytes(before) == _graph_bytes(after)


def _graph_bytes(path: Path) -> bytes:
    import onnx

    model = onnx.load(path, load_external_data=False)
    del model.metadata_props[:]
    for field in ("producer_name", "producer_version", "doc_string"):
        model.ClearField(field)
    return bytes(model.SerializeToString(deterministic=True))


def _answers_compare(
    chosen: Format, before: Path, after: Path, *, source: SourceModel, options: Any, seed: int, named: str
) -> dict[str, str]:
    import numpy as np

    from deployhub.engine.comparison import images_choose

    try:
        first, second = (
            chosen.open(folder / chosen.stable_name, options=options) for folder in (before, after)
        )
        worst, where = 0.0, ""
        for images in images_choose(source=source, options=options, seed=seed):
            for one, other in zip(first.run(images), second.run(images), strict=True):
                if one.values.shape != other.values.shape:
                    return {
                        "outcome": DIFFERENT,
                        "detail": f"{one.name} has another shape; files differ: {named}.",
                    }
                scale = max(float(np.abs(one.values).max(initial=0.0)), 1e-12)
                share = float(np.abs(one.values - other.values).max(initial=0.0)) / scale
                if share > worst:
                    worst, where = share, one.name
    except NotHere as why:
        return {
            "outcome": DIFFERENT,
            "detail": f"Files differ: {named}. Their answers were not compared: {why}",
        }
    if worst <= SAME_ANSWER:
        return {
            "outcome": EQUAL_OUTPUTS,
            "detail": f"Files differ ({named}), answers by {worst:.2g} of their range.",
        }
    return {"outcome": DIFFERENT, "detail": f"{where} differs by {worst:.2g} of its range; files: {named}."}
