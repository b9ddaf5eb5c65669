"""Decide the tier by trying: run hostile probes inside each wall, and believe only what they saw."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from deployhub.engine.sandbox.bubblewrap import bubblewrap_find
from deployhub.engine.sandbox.landlock import landlock_abi
from deployhub.engine.sandbox.launch import EngineServer, ServerUnavailable
from deployhub.engine.sandbox.outputs import outputs_reclaim
from deployhub.engine.sandbox.seccomp import seccomp_supported
from deployhub.engine.sandbox.streams import EventStream, LogStream
from deployhub.engine.spec import GIB, MIB, Limits

PROBE_LIMITS = Limits(
    memory_bytes=512 * MIB,
    cpu_seconds=30,
    wall_seconds=30,
    output_bytes=64 * MIB,
    file_bytes=16 * MIB,
    processes=32,
)
PROBE_ADDRESS_BYTES = 64 * GIB
_CANARY_VARIABLE = "DEPLOYHUB_SANDBOX_CANARY"


def report_make(*, python: Path) -> dict[str, Any]:
    """Probe tier A, then B. Returns the SandboxReport."""
    abi = landlock_abi()
    layers: dict[str, Any] = {
        "bubblewrap": False,
        "landlock": abi,
        "seccomp": seccomp_supported(),
        "rlimits": True,
        "unprivileged": True,
    }
    if not abi:
        return _report("0", layers, [], "This kernel has no Landlock (Linux 5.13 or newer, switched on).")
    if not layers["seccomp"]:
        return _report("0", layers, [], "This kernel or processor has no system-call filter that we know.")
    why_not_a = "bubblewrap is not installed."
    probes: list[dict[str, Any]] = []
    for tier in ("A", "B"):
        if tier == "A" and bubblewrap_find() is None:
            continue
        try:
            probes = probes_take(tier=tier, python=python)
        except ServerUnavailable as failure:
            reason = f"Tier {tier} does not start here: {failure}"
        else:
            leaks = [probe["name"] for probe in probes if not probe["denied"]]
            if not leaks:
                layers["bubblewrap"] = tier == "A"
                return _report(tier, layers, probes, "" if tier == "A" else f"No namespaces: {why_not_a}")
            reason = f"Tier {tier} let through: {', '.join(leaks)}."
        if tier == "A":
            why_not_a = reason
    return _report("0", layers, probes, reason)


def _report(tier: str, layers: dict[str, Any], probes: list[dict[str, Any]], reason: str) -> dict[str, Any]:
    return {"tier": tier, "layers": layers, "probes": probes, "reason": reason}


@contextmanager
def _canaries(folder: Path) -> Iterator[dict[str, Any]]:
    """A secret file, a TCP and two unix listeners and a variable of the worker that nobody may reach."""
    secret = folder / "secret.txt"
    secret.write_text(secrets.token_hex(16))
    secret.chmod(0o644)
    with (
        socket.create_server(("127.0.0.1", 0)) as tcp,
        socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as stream,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as datagram,
        socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as abstract,
    ):
        stream.bind(str(folder / "stream.sock"))
        datagram.bind(str(folder / "datagram.sock"))
        abstract_name = f"deployhub-canary-{secrets.token_hex(8)}"
        abstract.bind("\0" + abstract_name)
        for listener in (stream, abstract):
            listener.listen(1)
        for listener in (tcp, stream, datagram, abstract):
            listener.setblocking(False)
        for path in (folder, folder / "stream.sock", folder / "datagram.sock"):
            path.chmod(0o777)
        yield {
            "canary_folder": str(folder),
            "secret": str(secret),
            "tcp_port": tcp.getsockname()[1],
            "stream_socket": str(folder / "stream.sock"),
            "datagram_socket": str(folder / "datagram.sock"),
            "abstract_socket": abstract_name,
            "worker_pid": os.getpid(),
            "listeners": [tcp, stream, datagram, abstract],
        }


def probes_take(*, tier: str, python: Path) -> list[dict[str, Any]]:
    """Run every probe in a real job of the given tier.

    Returns [{"name", "denied"}]. Raises ServerUnavailable when the tier can't even start, or the
    probes don't come back: silence is no proof.
    """
    base = Path(tempfile.mkdtemp(prefix="deployhub-probe-"))
    base.chmod(0o755)
    try:
        workdir = base / "jobs" / "probe"
        for name in ("in", "out", "tmp"):
            (workdir / name).mkdir(parents=True)
        outside = base / "outside"
        outside.mkdir()
        with _canaries(outside) as canaries:
            listeners = canaries.pop("listeners")
            (workdir / "spec.json").write_text(json.dumps({"kind": "probe", **canaries}))
            server = EngineServer(tier=tier, python=python, preload=False, work_root=base / "jobs")
            try:
                result = _probe_job(server, workdir)
            finally:
                server.close()
            probes: list[dict[str, Any]] = result["probes"]
            probes.append(
                {"name": "canary_listeners_untouched", "denied": not any(map(_was_reached, listeners))}
            )
            left = sorted(path.name for path in outside.iterdir())
            untouched = left == ["datagram.sock", "secret.txt", "stream.sock"]
            probes.append({"name": "canary_folder_untouched", "denied": untouched})
        return probes
    finally:
        shutil.rmtree(base, ignore_errors=True)


def _was_reached(listener: socket.socket) -> bool:
    try:
        if listener.type == socket.SOCK_DGRAM:
            listener.recv(1)
        else:
            listener.accept()[0].close()
    except BlockingIOError:
        return False
    return True


def _probe_job(server: EngineServer, workdir: Path) -> dict[str, Any]:
    import select

    log = LogStream(lambda event: None)
    events = EventStream(lambda event: None)
    pipes = server.submit(task="probe", workdir=workdir, limits=PROBE_LIMITS)
    try:
        open_ends: dict[int, EventStream | LogStream] = {pipes.events: events, pipes.output: log}
        while open_ends:
            ready, _, _ = select.select(list(open_ends), [], [], PROBE_LIMITS.wall_seconds)
            if not ready:
                break
            for descriptor in ready:
                chunk = os.read(descriptor, 65536)
                if chunk:
                    open_ends[descriptor].feed(chunk)
                else:
                    open_ends.pop(descriptor).finish()
        select.select([pipes.leash], [], [], PROBE_LIMITS.wall_seconds)
    finally:
        pipes.close()
    outputs_reclaim(workdir, limit_bytes=PROBE_LIMITS.output_bytes)
    if events.result is None:
        raise ServerUnavailable(f"the probes did not report back. {log.tail or server.log_tail()}")
    return events.result
