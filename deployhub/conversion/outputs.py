"""What the engine found out about an export, as it is kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from deployhub.kernel.canonical import canonical_json, canonical_sha256
from deployhub.registry.outputs import RESULT_JSON_MAX_CHARACTERS, OutputFile, OutputInvalid, plain
from deployhub.registry.vocab import Proof


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
        name: plain(table) if isinstance(table := result.get(name), dict) else {}
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


REPLAY_OUTCOMES = ("equal_bytes", "equal_graph", "equal_outputs", "different")


def replay_read(result: dict[str, Any]) -> tuple[str, str]:
    """Outcome and detail of a replay, in bounded words. Raises OutputInvalid for an outcome that nobody knows."""
    told = result.get("replay")
    told = told if isinstance(told, dict) else {}
    if told.get("outcome") not in REPLAY_OUTCOMES:
        raise OutputInvalid("The engine did not say how the two exports compare.")
    return str(told["outcome"]), str(told.get("detail") or "")[:1_500].replace("\0", "")
