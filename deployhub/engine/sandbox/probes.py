"""Hostile probes: what a malicious model would try, run inside the sandbox at start-up.

Every probe returns True when it was denied. They are harmless where they succeed.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import json
import mmap
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from deployhub.engine.sandbox import kernel_calls as kernel
from deployhub.engine.sandbox.confine import ENGINE_ENVIRONMENT, PASSED_ENVIRONMENT

_FORKS_MAX = 2000
_TOO_MUCH_MEMORY_BYTES = 64 * 1024**3
_PRIVATE_MEMORY_BYTES = 4 * 1024**3
_OWN_VARIABLES = {"HOME", "TMPDIR", "YOLO_CONFIG_DIR", "MPLCONFIGDIR", "XDG_CACHE_HOME", "TORCHINDUCTOR_CACHE_DIR",
                  "NUMEXPR_MAX_THREADS", "LC_CTYPE"}  # fmt: skip


def probes_run(*, workdir: Path) -> dict[str, Any]:
    """Try everything. Returns {"probes": [{"name", "denied"}]}."""
    spec = json.loads((workdir / "spec.json").read_text())
    probes = []
    for name, attempt in _attempts(spec, workdir).items():
        try:
            denied = not attempt()
        except (OSError, MemoryError, PermissionError, subprocess.SubprocessError):
            denied = True
        probes.append({"name": name, "denied": denied})
    return {"probes": probes}


def _attempts(spec: dict[str, Any], workdir: Path) -> dict[str, Callable[[], object]]:
    """Name → attempt; an attempt returns something true when it got through."""
    outside = Path(spec["canary_folder"])
    worker = int(spec["worker_pid"])
    return {
        "network_ipv4": lambda: _connect(socket.AF_INET, ("127.0.0.1", spec["tcp_port"])),
        "network_ipv6": lambda: socket.socket(socket.AF_INET6, socket.SOCK_DGRAM),
        "network_netlink": lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW),
        "network_packet": lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW),
        "network_vsock": lambda: socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM),
        "unix_socket_by_path": lambda: _connect(socket.AF_UNIX, spec["stream_socket"]),
        "unix_socket_abstract": lambda: _connect(socket.AF_UNIX, "\0" + spec["abstract_socket"]),
        "unix_socket_from_pair": lambda: _pair_send(spec["datagram_socket"]),
        "read_system_secret": lambda: Path("/etc/shadow").read_bytes(),
        "read_users": lambda: Path("/etc/passwd").read_bytes(),
        "read_worker_secret": lambda: Path(spec["secret"]).read_bytes(),
        "list_outside": lambda: os.listdir(outside),
        "read_worker_environment": lambda: _read_any_environment(worker),
        "own_environment_has_more": _environment_surplus,
        "write_outside": lambda: (outside / "written").write_text("x"),
        "write_temporary": lambda: Path("/tmp/deployhub-probe").write_text("x"),  # noqa: S108
        "write_shared_memory": lambda: Path("/dev/shm/deployhub-probe").write_text("x"),  # noqa: S108
        "write_input": lambda: (workdir / "in" / "written").write_text("x"),
        "hard_link_outside": lambda: os.link(spec["secret"], workdir / "out" / "linked"),
        "run_own_program": lambda: _run_own_program(workdir),
        "become_root": _become_root,
        "user_namespace": lambda: _call("unshare", kernel.CLONE_NEWUSER),
        "user_namespace_clone": lambda: _clone_namespace(),
        "mount": lambda: _call("mount", b"none", b"/tmp", b"tmpfs", 0, None),
        "chroot": lambda: _call("chroot", str(workdir).encode()),
        "keyring": lambda: _call("keyctl", 0, -3, 1),
        "bpf": lambda: _call("bpf", 0, None, 0),
        "io_uring": lambda: _call("io_uring_setup", 1, ctypes.create_string_buffer(256)),
        "userfaultfd": lambda: _call("userfaultfd", 1),
        "perf_event": lambda: _call("perf_event_open", ctypes.create_string_buffer(128), 0, -1, -1, 0),
        "ptrace_parent": lambda: _call("ptrace", 0x4206, os.getppid(), 0, 0),
        "read_worker_memory": lambda: _call("process_vm_readv", worker, None, 0, None, 0, 0),
        "open_by_handle": lambda: _call(
            "name_to_handle_at", -100, b"/", ctypes.create_string_buffer(256), None, 0
        ),
        "shared_segment": lambda: _call("shmget", 0x5EC0DE, 4096, 0o1600),
        "signal_worker": lambda: _signal(worker),
        "signal_keeper": lambda: _signal(os.getppid()),
        "limit_worker": lambda: _call("prlimit64", worker, 7, None, ctypes.create_string_buffer(16)),
        "memory_private": lambda: _memory(_PRIVATE_MEMORY_BYTES, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS),
        "memory_shared": lambda: _memory(_TOO_MUCH_MEMORY_BYTES, mmap.MAP_SHARED | mmap.MAP_ANONYMOUS),
        "file_too_large": lambda: _file_grow(workdir),
        "fork_without_end": _fork_many,
    }


def _become_root() -> bool:
    os.setuid(0)
    return True


def _connect(kind: socket.AddressFamily, address: Any) -> bool:
    with socket.socket(kind, socket.SOCK_STREAM) as attempt:
        attempt.settimeout(2)
        attempt.connect(address)
    return True


def _pair_send(path: str) -> bool:
    left, right = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with left, right:
        left.sendto(b"x", path)
    return True


def _read_any_environment(worker: int) -> bool:
    """Whether the environment of the worker, of our parent or of process 1 can be read."""
    for pid in {worker, os.getppid(), 1} - {os.getpid()}:
        with contextlib.suppress(OSError):
            Path(f"/proc/{pid}/environ").read_bytes()
            return True
    return False


def _environment_surplus() -> set[str]:
    return set(os.environ) - set(ENGINE_ENVIRONMENT) - set(PASSED_ENVIRONMENT) - _OWN_VARIABLES


def _run_own_program(workdir: Path) -> bool:
    program = workdir / "tmp" / "program"
    program.write_text("#!/bin/sh\nexit 0\n")
    program.chmod(0o755)
    return subprocess.run([str(program)], check=False, timeout=10).returncode == 0


def _call(name: str, *arguments: Any) -> int | bool:
    """A raw call; True when the kernel let it in, even if it then disliked the arguments."""
    number = kernel.SYSCALLS[kernel.MACHINE].get(name)
    if number is None:
        return False
    widened = [ctypes.c_long(argument) if isinstance(argument, int) else argument for argument in arguments]
    try:
        kernel.kernel_call(number, *widened)
    except OSError as refused:
        return refused.errno not in (errno.EPERM, errno.EACCES, errno.ENOSYS)
    return True


def _clone_namespace() -> bool:
    """clone(CLONE_NEWUSER | SIGCHLD): a child that ends at once where it is allowed."""
    number = kernel.SYSCALLS[kernel.MACHINE]["clone"]
    pid = kernel.kernel_call(
        number, ctypes.c_long(kernel.CLONE_NEWUSER | signal.SIGCHLD), None, None, None, None
    )
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    return True


def _signal(pid: int) -> bool:
    """Whether a (null) signal reaches another process; one we can't even see counts as denied."""
    os.kill(pid, 0)
    return True


def _memory(size_bytes: int, flags: int) -> bool:
    mmap.mmap(-1, size_bytes, flags=flags).close()
    return True


def _file_grow(workdir: Path) -> bool:
    path = workdir / "tmp" / "large"
    try:
        with path.open("wb") as grown:
            grown.truncate(3 * 1024**3)
    finally:
        path.unlink(missing_ok=True)
    return True


def _fork_many() -> bool:
    """Whether two thousand processes could be started; they are ended either way."""
    children: list[int] = []
    try:
        while len(children) < _FORKS_MAX:
            pid = os.fork()
            if pid == 0:
                time.sleep(20)
                os._exit(0)
            children.append(pid)
    except OSError:
        return False
    finally:
        for pid in children:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
    return True
