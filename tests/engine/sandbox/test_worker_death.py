"""When a worker dies by SIGKILL, nothing of its engine may live on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from deployhub.engine.sandbox.keeper import family
from tests.engine.sandbox.conftest import eventually

WORKER = """
import sys
from pathlib import Path
from deployhub.engine.client import EngineClient
from deployhub.engine.spec import Limits
from deployhub.engine.sandbox import surroundings
surroundings.source_root = lambda: Path(sys.argv[1])
client = EngineClient(tier=sys.argv[3])
code = "import os\\nif os.fork() == 0:\\n    os.setsid()\\nemit({'type': 'phase', 'name': 'busy'})\\nwhile True: pass"
client.run(workdir=Path(sys.argv[2]) / "job", spec={"kind": "code", "code": code}, limits=Limits(),
           on_event=lambda event: print("busy", flush=True), should_stop=lambda: False)
"""


@pytest.mark.parametrize("tier", ["A", "B"])
def test_a_killed_worker_leaves_no_process_behind(tier: str, laboratory: Path, tmp_path: Path) -> None:
    if tier == "A":
        from deployhub.engine.client import sandbox_report

        if sandbox_report()["tier"] != "A":
            pytest.skip("no tier A here")
    repository = Path(__file__).parents[3]
    worker = subprocess.Popen(
        [sys.executable, "-c", WORKER, str(laboratory), str(tmp_path / "jobs"), tier],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(repository)},
    )
    assert worker.stdout is not None
    assert worker.stdout.readline() == b"busy\n"
    engine = family(worker.pid)
    assert len(engine) >= 4
    os.kill(worker.pid, signal.SIGKILL)
    worker.wait()
    worker.stdout.close()
    alive = lambda: [pid for pid in engine if _is_running(pid)]  # noqa: E731
    assert eventually(lambda: not alive(), within_s=3), alive()
    assert json.dumps(alive()) == "[]"


def _is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False
