"""Promise 5: bombs end within limits, the worker lives, the next job runs. And: stop means stop."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import os
import signal
import time
from pathlib import Path

import pytest

from deployhub.engine.client import EngineFailed, EngineStopped
from deployhub.engine.sandbox.keeper import family
from deployhub.engine.spec import MIB
from tests.engine.sandbox.conftest import SMALL, Bench, eventually

BOMBS = {
    "memory": ("x = [bytearray(64 << 20) for _ in range(1000)]", "limit_memory"),
    "mapped memory": (
        "import mmap\nkept = []\nwhile True:\n    m = mmap.mmap(-1, 64 << 20); m.write(b'x' * (64 << 20)); kept.append(m)",
        "limit_memory",
    ),
    "one large file": (
        "f = open(workdir / 'out' / 'f', 'wb')\nwhile True: f.write(bytes(1 << 20))",
        "limit_output",
    ),
    "many files": (
        "n = 0\nwhile True:\n    (workdir / 'tmp' / str(n)).write_bytes(bytes(8 << 20)); n += 1",
        "limit_output",
    ),
    "threads": (
        "import threading, time\nwhile True: threading.Thread(target=time.sleep, args=(30,), daemon=True).start()",
        "limit_processes",
    ),
    "endless": ("while True: pass", "limit_time"),
    "crash": ("import ctypes; ctypes.string_at(0)", "engine_crashed"),
    "silent exit": ("import os; os._exit(0)", "engine_crashed"),
    "abort": ("import os; os.abort()", "engine_crashed"),
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_promise_05_a_bomb_ends_with_a_clear_code_and_the_next_job_runs(bench: Bench, bomb: str) -> None:
    code, expected = BOMBS[bomb]
    started = time.monotonic()
    with pytest.raises(EngineFailed) as failed:
        bench.run(code, limits=dataclasses.replace(SMALL, wall_seconds=3 if bomb == "endless" else 25))
    assert failed.value.code == expected
    assert failed.value.detail.endswith(".")
    assert failed.value.hint
    assert time.monotonic() - started < 27
    assert bench.run("result['alive'] = True") == {"alive": True}


def test_promise_05_memory_of_several_processes_counts_together(bench: Bench) -> None:
    code = """
import os, time
for _ in range(6):
    if os.fork() == 0:
        held = bytearray(os.urandom(1) * (150 << 20)); time.sleep(20); os._exit(0)
time.sleep(20)
"""
    with pytest.raises(EngineFailed) as failed:
        bench.run(code, limits=dataclasses.replace(SMALL, memory_bytes=512 * MIB))
    assert failed.value.code == "limit_memory"


def test_a_stopped_job_frees_the_processor_with_all_its_hidden_children(bench: Bench) -> None:
    bench.run("pass")  # the server is up
    code = """
import os
for _ in range(3):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            while True: pass
        os._exit(0)
emit({"type": "phase", "name": "busy"})
while True: pass
"""
    asked: list[float] = []

    def should_stop() -> bool:
        if any(event["type"] == "phase" for event in bench.events):
            asked.append(time.monotonic())
            return True
        return False

    with pytest.raises(EngineStopped):
        bench.run(code, should_stop=should_stop)
    assert time.monotonic() - asked[0] < 1.0
    server = bench.client._server
    assert server is not None
    # The server alone is left (in tier A with bubblewrap's own process above it).
    assert eventually(lambda: len(family(server.pid)) <= (2 if bench.client._tier == "A" else 0), within_s=1)


def test_should_stop_is_asked_at_least_five_times_a_second(bench: Bench) -> None:
    asked: list[float] = []

    def should_stop() -> bool:
        asked.append(time.monotonic())
        return False

    bench.run("import time; time.sleep(1.5)", should_stop=should_stop)
    gaps = [later - earlier for earlier, later in itertools.pairwise(asked)]
    assert len(asked) >= 7
    assert sorted(gaps)[-2] < 0.25


def test_a_server_that_died_is_replaced(bench: Bench) -> None:
    bench.run("pass")
    server = bench.client._server
    assert server is not None
    for pid in [*family(server.pid), server.pid]:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    assert eventually(lambda: not server.is_alive(), within_s=2)
    assert bench.run("result['alive'] = True") == {"alive": True}


def test_jobs_in_several_threads_do_not_mix(bench: Bench) -> None:
    from concurrent.futures import ThreadPoolExecutor

    def one(number: int) -> int:
        own = Bench(bench.client, bench.root / f"thread{number}")
        return own.run(f"result['number'] = {number}")["number"]

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(one, range(8))) == list(range(8))


def test_the_server_does_not_grow_over_fifty_jobs(bench: Bench) -> None:
    def server_bytes() -> int:
        server = bench.client._server
        assert server is not None
        alone = 2 if bench.client._tier == "A" else 0
        assert eventually(lambda: len(family(server.pid)) <= alone, within_s=2)
        pids = [server.pid, *family(server.pid)]
        return sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096 for pid in pids)

    for _ in range(5):
        bench.run("pass")
    before = server_bytes()
    descriptors = len(os.listdir("/proc/self/fd"))
    for _ in range(50):
        bench.run("result['x'] = bytes(1000).hex()")
    assert server_bytes() - before < 2 * MIB
    assert len(os.listdir("/proc/self/fd")) == descriptors


def test_a_warm_job_costs_little_beyond_its_work(bench: Bench) -> None:
    bench.run("pass")
    durations = []
    for _ in range(10):
        started = time.monotonic()
        bench.run("pass")
        durations.append(time.monotonic() - started)
    assert sorted(durations)[len(durations) // 2] < 0.15


def test_a_flood_of_output_is_bounded(bench: Bench) -> None:
    bench.run("for n in range(50000): print('x' * 100)\nresult['done'] = True")
    logs = [event for event in bench.events if event["type"] == "log"]
    assert len(logs) <= 5001
    assert logs[-1]["text"] == "Further output is left out."


def test_events_that_are_no_events_are_dropped(bench: Bench) -> None:
    code = r"""
import os
os.write(3, b'garbage\n[1,2]\n{"type":"progress","done":"many"}\n{"type":"phase","name":"\u001b[31mred"}\n')
result["ok"] = 1
"""
    assert bench.run(code) == {"ok": 1}
    assert [event["type"] for event in bench.events] == ["phase"]
    assert "\x1b" not in bench.events[0]["name"]
