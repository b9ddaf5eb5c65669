"""Does a certificate refuse every damage, and no good export? And what does it cost?

    make bench-certificate

Damages and good exports are made from the demo model (tests/engine/checks/damages.py). Speed: the certificate of 120
images at 160 px on ONNX against running source and artifact over the same inputs once each, in the same process.
"""

from __future__ import annotations

import os
import sys
import time
from typing import Any

from benchmarks.table import Row, row_print

SPEED_AIM = 1.5


def why(result: dict[str, Any]) -> str:
    broken = [line["name"] for line in result["lines"] if line["holds"] is False]
    return "; ".join(broken[:3]) or result["reason"]


def speed() -> tuple[float, float]:
    """Seconds of a certificate, and of the bare runs over the same inputs."""
    from deployhub.engine.catalogue import format_find
    from deployhub.engine.evaluation import EvaluationSet
    from deployhub.engine.intake import inspect_file
    from deployhub.engine.source import source_load
    from tests.engine.checks.damages import EVALUATION_SET, SIZE_PX, SOURCE, certified, exported

    good = exported()
    chosen = format_find("onnx")
    options = chosen.Options(**good.options)
    certificates, bare = [], []
    for _ in range(3):
        started = time.perf_counter()
        result = certified(good, images=120)
        certificates.append(time.perf_counter() - started)
        assert result["outcome"] == "passed", result["reason"]
        started = time.perf_counter()
        source = source_load(SOURCE, kind=inspect_file(SOURCE)["kind"])
        runner = chosen.open(good.folder / "model.onnx", options=options)
        pictures = EvaluationSet(
            EVALUATION_SET, task="detect", height=SIZE_PX, width=SIZE_PX, channels=3, limit=120
        )
        for picture in pictures.pictures():
            source.reference(picture.pixels[None], options=options)
            runner.run(picture.pixels[None])
        bare.append(time.perf_counter() - started)
    return min(certificates), min(bare)


def main() -> int:
    for name, value in (("ULTRALYTICS_SAFE_LOAD", "1"), ("YOLO_AUTOINSTALL", "false"), ("YOLO_OFFLINE", "1")):
        os.environ.setdefault(name, value)
    from tests.engine.checks.damages import CLEAN, certified, damages, exported, int8_good

    good = exported()
    refused, made = 0, 0
    for name, make in damages(good):
        result = certified(make())
        made += 1
        refused += result["outcome"] != "passed"
        print(
            f"{'refused' if result['outcome'] != 'passed' else 'NOT REFUSED':12} {name}: {why(result)}",
            flush=True,
        )
    passed, tried = 0, 0
    clean = [(f"{key} {options}", lambda k=key, o=options: exported(k, **o)) for key, options in CLEAN]
    for name, build in [*clean, ("onnx INT8, convolutions alone", lambda: int8_good(good))]:
        result = certified(build())
        tried += 1
        passed += result["outcome"] == "passed"
        print(f"{result['outcome']:12} {name}: {why(result)}", flush=True)
    certificate, bare = speed()
    row_print(
        Row(
            "Damaged artifacts that a certificate refuses", f"{refused}", f"{made} damages", refused / made,
            "at least 1", refused == made,
        )
    )  # fmt: skip
    row_print(
        Row(
            "Good exports that a certificate refuses", f"{tried - passed}", f"{tried} good exports",
            (tried - passed) / tried, "at most 0", passed == tried,
        )
    )  # fmt: skip
    row_print(
        Row(
            "Certificate of 120 images at 160 px, ONNX", f"{certificate:.2f} s",
            f"{bare:.2f} s to run source and artifact over them", certificate / bare, f"at most {SPEED_AIM}",
            certificate <= SPEED_AIM * bare,
        )
    )  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main())
