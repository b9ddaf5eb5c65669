"""`make bench`: every benchmark in a process of its own, then the table of docs/performance.md."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime

from benchmarks.table import ROOT, Row, page_write

BENCHMARKS = ("audit_write", "audit_verify", "audit_search", "version_list", "export_wall", "certificate")


def main(names: list[str]) -> int:
    rows: list[Row] = []
    failed = []
    for name in names or BENCHMARKS:
        print(f"== {name}", flush=True)
        process = subprocess.Popen(
            [sys.executable, "-m", f"benchmarks.{name}"], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("ROW "):
                row = Row(**json.loads(line[4:]))
                rows.append(row)
                print(
                    f"{row.name}: {row.ours} against {row.peer}: ratio {row.ratio:.3g} (aim: {row.aim})",
                    flush=True,
                )
            else:
                print(line, end="", flush=True)
        if process.wait() != 0:
            failed.append(name)
    if failed:
        print(f"did not finish: {', '.join(failed)}")
        return 1
    if not names:
        page_write(rows, on=f"{datetime.now(UTC):%d %B %Y}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
