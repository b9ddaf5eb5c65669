"""Confine the calling process, for ever, in the order that leaves no gap.

limits → user → Landlock → system-call filter. After `confine_self` returns, nothing this process
or its children do can widen what they may see.
"""

from __future__ import annotations

import os
import resource
import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from deployhub.engine.sandbox import kernel_calls as kernel
from deployhub.engine.sandbox import landlock, seccomp, surroundings
from deployhub.engine.spec import GIB, MIB, Limits

# Address space that the loaded libraries reserve without using it (arenas, stacks, mapped wheels).
_ADDRESS_SLACK_BYTES = 4 * GIB
_COLD_LIBRARIES_ADDRESS_BYTES = 8 * GIB
_COLD_LIBRARIES_MEMORY_BYTES = 1 * GIB
_OPEN_FILES = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Confinement:
    """What one job process is allowed, made by the parent and applied in the child.

    uid: user to become, None to stay (already unprivileged). keep_read_capability: see `_identity_drop`.
    threads_of_user: what the user already runs; preloaded: libraries were imported before the fork.
    environment: what the toolchain adds to the job's variables.
    """

    workdir: str
    read_paths: tuple[str, ...]
    uid: int | None
    keep_read_capability: bool
    threads_of_user: int
    preloaded: bool
    limits: Limits
    environment: dict[str, str] = field(default_factory=dict)

    def to_wire(self) -> dict[str, Any]:
        """As plain JSON values."""
        return asdict(self)

    @classmethod
    def from_wire(cls, wire: dict[str, Any]) -> Confinement:
        """Back from `to_wire`."""
        return cls(**{**wire, "read_paths": tuple(wire["read_paths"]), "limits": Limits(**wire["limits"])})


def _status_kib(field: str) -> int:
    with open("/proc/self/status", encoding="ascii", errors="replace") as status:
        for line in status:
            if line.startswith(field + ":"):
                return int(line.split()[1])
    return 0


def _limits_apply(confinement: Confinement) -> None:
    limits = confinement.limits
    # The sharp bound is private memory; address space only catches what reserves without end.
    memory = _status_kib("VmData") * 1024 + limits.memory_bytes
    address = _status_kib("VmSize") * 1024 + limits.memory_bytes + _ADDRESS_SLACK_BYTES
    if not confinement.preloaded:
        memory += _COLD_LIBRARIES_MEMORY_BYTES
        address += _COLD_LIBRARIES_ADDRESS_BYTES
    wanted = {
        resource.RLIMIT_DATA: memory,
        resource.RLIMIT_AS: address,
        resource.RLIMIT_CPU: limits.cpu_seconds,
        resource.RLIMIT_FSIZE: limits.file_bytes,
        resource.RLIMIT_NPROC: confinement.threads_of_user + limits.processes,
        resource.RLIMIT_NOFILE: _OPEN_FILES,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_MEMLOCK: 64 * 1024,
        resource.RLIMIT_MSGQUEUE: 0,
        resource.RLIMIT_STACK: 64 * MIB,
    }
    for which, value in wanted.items():
        _soft, hard = resource.getrlimit(which)
        ceiling = value if hard == resource.RLIM_INFINITY else min(value, hard)
        # A second above the soft limit: SIGXCPU first, which has a name, then SIGKILL.
        hard_ceiling = (
            ceiling + 5 if which == resource.RLIMIT_CPU and hard == resource.RLIM_INFINITY else ceiling
        )
        resource.setrlimit(which, (ceiling, hard_ceiling))


def _identity_drop(confinement: Confinement) -> None:
    """Become an unprivileged user and give up every capability but, where needed, one.

    RLIMIT_NPROC and file modes don't bind root, so a job never runs as uid 0. Where root's own files
    (an interpreter below a 0700 /root, a work folder nobody else may enter) must be read,
    CAP_DAC_READ_SEARCH stays: it lifts only mode bits for reading, Landlock still bounds *which* trees
    are read, and the filter denies open_by_handle_at, the one call that would turn it into an escape.
    It does not survive an exec.
    """
    uid = confinement.uid
    if uid is None:
        if os.geteuid() == 0:
            raise PermissionError("A job may not run as root.")
    else:
        if uid == 0:
            raise PermissionError("A job may not run as root.")
        keep = frozenset({kernel.CAP_DAC_READ_SEARCH}) if confinement.keep_read_capability else frozenset()
        for capability in range(kernel.CAP_LAST + 1):
            try:
                kernel.prctl(kernel.PR_CAPBSET_DROP, capability)
            except OSError:
                continue  # an older kernel knows fewer
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        kernel.prctl(kernel.PR_SET_KEEPCAPS, 1)
        # setpcap is gone after setresuid unless kept, so lock the secure bits only then: keepcaps ends at exec.
        os.setresuid(uid, uid, uid)
        kernel.capabilities_set(keep=keep)
        if 0 in (os.getuid(), os.geteuid(), os.getgid(), os.getegid()) or os.getgroups():
            raise PermissionError("Dropping the user failed.")
    kernel.prctl(kernel.PR_CAP_AMBIENT, kernel.PR_CAP_AMBIENT_CLEAR_ALL)


def job_environment(*, work: Path, inherited: dict[str, str]) -> dict[str, str]:
    """The whole environment of a job: switches of the libraries, and folders inside the work folder."""
    scratch = str(work / "tmp")
    passed = {
        key: value
        for key, value in inherited.items()
        if key in PASSED_ENVIRONMENT or key in ENGINE_ENVIRONMENT
    }
    return {
        **passed,
        **ENGINE_ENVIRONMENT,
        "HOME": scratch,
        "TMPDIR": scratch,
        "YOLO_CONFIG_DIR": scratch,
        "MPLCONFIGDIR": scratch,
        "XDG_CACHE_HOME": scratch,
        "TORCHINDUCTOR_CACHE_DIR": scratch,
    }


ENGINE_ENVIRONMENT = {
    "YOLO_AUTOINSTALL": "false",
    "YOLO_OFFLINE": "1",
    "YOLO_VERBOSE": "false",
    "ULTRALYTICS_SAFE_LOAD": "1",
    "NO_ALBUMENTATIONS_UPDATE": "1",
    "HF_HUB_OFFLINE": "1",
    "PYTHONNOUSERSITE": "1",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PATH": "/usr/bin:/bin",
    "USER": "deployhub",
    "LOGNAME": "deployhub",
    "LANG": "C.UTF-8",
}
# Tuning that an administrator may set outside; nothing else crosses.
PASSED_ENVIRONMENT = (
    "OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "OPENBLAS_CORETYPE", "OMP_WAIT_POLICY",
    "KMP_BLOCKTIME", "ATEN_CPU_CAPABILITY", "ONEDNN_MAX_CPU_ISA", "TZ", "PYTHONHASHSEED",
)  # fmt: skip


def confine_self(confinement: Confinement) -> None:
    """Apply every layer to this single-threaded process. Raises when one can't be had: then don't go on."""
    if len(os.listdir("/proc/self/task")) != 1:
        # Landlock and seccomp bind the calling thread: another thread would stay free.
        raise RuntimeError("A process with several threads can't be confined.")
    work = Path(confinement.workdir)
    environment = {**confinement.environment, **job_environment(work=work, inherited=dict(os.environ))}
    os.environ.clear()
    os.environ.update(environment)
    tempfile.tempdir = None
    os.umask(0o022)
    # Held open on purpose: the rule is tied to this entry of /proc, which must not be forgotten and remade.
    own_proc = os.open("/proc/self", os.O_PATH)
    _limits_apply(confinement)
    _identity_drop(confinement)
    read = landlock.READ
    rules: list[tuple[Path | int, int]] = [(Path(path), landlock.RUN) for path in confinement.read_paths]
    rules += [(Path(path), landlock.RUN) for path in surroundings.SYSTEM_LIBRARIES]
    rules += [(Path(path), read) for path in surroundings.SYSTEM_FILES + surroundings.PROC_FILES]
    rules += [(Path(path), read) for path in surroundings.DEVICES_READ]
    rules += [(Path(path), read | landlock.WRITE_FILE) for path in surroundings.DEVICES_WRITE]
    rules += [(own_proc, read)]
    rules += [(work, read), (work / "out", landlock.WRITE), (work / "tmp", landlock.WRITE)]
    landlock.landlock_restrict(rules)
    os.chdir(work / "tmp")
    signals_scoped = landlock.landlock_abi() >= landlock.SCOPE_ABI
    seccomp.filter_install(seccomp.filter_assemble(own_pid=os.getpid(), signals_scoped=signals_scoped))
