"""Promise 3: a weak sandbox is loud. The weakness is made by a real kernel filter, not by a patched flag."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from deployhub.engine.client import EngineClient, EngineFailed
from deployhub.engine.spec import Limits

# Applied to a process before it asks for the report: the named calls fail as on a weaker host.
WEAKER_HOST = """
import errno, json, struct, sys
from deployhub.engine.sandbox import kernel_calls as k, seccomp as s
k.SYSCALLS[k.MACHINE].update(landlock_create_ruleset=444)
program = [s._instruction(s._LD_W_ABS, 0)]
for name in sys.argv[1].split(","):
    if name == "clone":
        program += [s._instruction(s._JEQ_K, k.SYSCALLS[k.MACHINE]["clone"], 0, 4), s._instruction(s._LD_W_ABS, 16),
                    s._instruction(s._JSET_K, k.CLONE_NEW_ANY, 0, 1), s._instruction(s._RET_K, s.RET_ERRNO | errno.EPERM),
                    s._instruction(s._RET_K, s.RET_ALLOW)]
    else:
        program += [s._instruction(s._JEQ_K, k.SYSCALLS[k.MACHINE][name], 0, 1),
                    s._instruction(s._RET_K, s.RET_ERRNO | (errno.ENOSYS if "landlock" in name else errno.EPERM))]
program.append(s._instruction(s._RET_K, s.RET_ALLOW))
s.filter_install(b"".join(program))
from deployhub.engine.client import sandbox_report
print(json.dumps(sandbox_report()))
"""


def _report_with_denied(calls: str) -> dict:
    done = subprocess.run(
        [sys.executable, "-c", WEAKER_HOST, calls],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return json.loads(done.stdout)


def test_promise_03_without_namespaces_the_tier_is_b_and_says_why() -> None:
    report = _report_with_denied("unshare,mount,clone")
    assert report["tier"] == "B"
    assert report["layers"]["bubblewrap"] is False
    assert "No namespaces" in report["reason"]
    assert all(probe["denied"] for probe in report["probes"])


def test_promise_03_without_landlock_there_is_no_tier() -> None:
    report = _report_with_denied("landlock_create_ruleset")
    assert report["tier"] == "0"
    assert "Landlock" in report["reason"]


def test_promise_03_without_bubblewrap_the_tier_is_b(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from deployhub.engine.sandbox.report import report_make

    monkeypatch.setenv("PATH", str(tmp_path))
    report = report_make(python=Path(sys.executable))
    assert report["tier"] == "B"
    assert "not installed" in report["reason"]


def test_promise_03_tier_0_refuses_every_job(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from deployhub.engine import client as client_module

    weak = {"tier": "0", "layers": {}, "probes": [], "reason": "This kernel has no Landlock."}
    monkeypatch.setattr(client_module, "sandbox_report", lambda: weak)
    with pytest.raises(EngineFailed) as refused:
        EngineClient().run(
            workdir=tmp_path / "job",
            spec={"kind": "inspect", "source": "in/model.pt"},
            limits=Limits(),
            on_event=lambda event: None,
            should_stop=lambda: False,
        )
    assert refused.value.code == "sandbox_unavailable"
    assert "Landlock" in refused.value.hint


def test_promise_03_a_leaking_probe_takes_the_tier_away(monkeypatch: pytest.MonkeyPatch) -> None:
    from deployhub.engine.sandbox import report

    leak = [{"name": "network_ipv4", "denied": False}]
    monkeypatch.setattr(report, "probes_take", lambda **kwargs: leak)
    found = report.report_make(python=Path(sys.executable))
    assert found["tier"] == "0"
    assert "network_ipv4" in found["reason"]
