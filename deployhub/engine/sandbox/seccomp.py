"""The system-call filter, assembled here as classic BPF.

Why not libseccomp: inside the sandbox it cannot be found (it needs /tmp and ldconfig), toolchain
interpreters don't carry it, and some rules need this process's own pid, known only after the fork.
"""

from __future__ import annotations

import ctypes
import errno
import struct

from deployhub.engine.sandbox.kernel_calls import (
    CLONE_NEW_ANY,
    MACHINE,
    PR_SET_NO_NEW_PRIVS,
    SYSCALLS,
    kernel_call,
    prctl,
)

AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
X32_BIT = 0x40000000
# Calls newer than this table (kernel 6.10, mseal) are answered "not implemented": libraries fall back.
NEWEST_KNOWN_CALL = 462

RET_KILL = 0x80000000
RET_ERRNO = 0x00050000
RET_ALLOW = 0x7FFF0000
_LD_W_ABS, _JEQ_K, _JGE_K, _JSET_K, _RET_K, _ALU_AND_K = 0x20, 0x15, 0x35, 0x45, 0x06, 0x54
_OFFSET_NR, _OFFSET_ARCH = 0, 4

# Socket-like ends: every family is denied. Landlock does not stop a connection to a unix socket by path.
NETWORK = ("socket", "connect", "bind", "listen", "accept", "accept4")
NAMESPACES = (
    "mount", "umount2", "pivot_root", "chroot", "unshare", "setns", "fsopen", "fsconfig", "fsmount", "fspick",
    "move_mount", "open_tree", "mount_setattr",
)  # fmt: skip
OTHER_PROCESSES = (
    "ptrace", "process_vm_readv", "process_vm_writev", "pidfd_getfd", "pidfd_send_signal", "process_madvise",
    "process_mrelease", "kcmp", "rt_sigqueueinfo", "rt_tgsigqueueinfo", "tkill", "setpriority",
    "sched_setscheduler", "sched_setparam", "sched_setattr", "ioprio_set", "move_pages", "migrate_pages",
)  # fmt: skip
# SysV and POSIX queues and segments are shared by user id without namespaces (PostgreSQL's, for one).
SHARED_IPC = (
    "shmget", "shmat", "shmctl", "semget", "semop", "semctl", "semtimedop", "msgget", "msgsnd", "msgrcv",
    "msgctl", "mq_open", "mq_unlink",
)  # fmt: skip
KERNEL_SURFACE = (
    "bpf", "io_uring_setup", "io_uring_enter", "io_uring_register", "keyctl", "add_key", "request_key",
    "userfaultfd", "perf_event_open", "kexec_load", "kexec_file_load", "init_module", "finit_module",
    "delete_module", "open_by_handle_at", "name_to_handle_at", "fanotify_init", "quotactl", "quotactl_fd",
    "swapon", "swapoff", "reboot", "sethostname", "setdomainname", "settimeofday", "clock_settime",
    "clock_adjtime", "adjtimex", "acct", "personality", "iopl", "ioperm", "modify_ldt", "lookup_dcookie",
    "nfsservctl", "vhangup", "syslog", "memfd_secret", "mknod", "mknodat", "_sysctl", "uselib", "setxattr",
    "lsetxattr", "fsetxattr",
)  # fmt: skip
DENIED = NETWORK + NAMESPACES + OTHER_PROCESSES + SHARED_IPC + KERNEL_SURFACE
TERMINAL_INJECTION = (0x5412, 0x541C)  # TIOCSTI, TIOCLINUX
SOCK_TYPE_MASK, SOCK_STREAM = 0xF, 1


def seccomp_supported() -> bool:
    """Whether we have a call table for this processor and the kernel knows filters."""
    if MACHINE not in AUDIT_ARCH:
        return False
    try:
        with open("/proc/sys/kernel/seccomp/actions_avail", encoding="ascii") as actions:
            return "errno" in actions.read()
    except OSError:
        return False


def _instruction(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, value & 0xFFFFFFFF)


def _argument_offset(index: int) -> int:
    return 16 + 8 * index  # low word, little endian: both supported processors


def filter_assemble(*, own_pid: int, signals_scoped: bool, machine: str = MACHINE) -> bytes:
    """Assemble the filter for one job process.

    own_pid: the only process it may signal where Landlock can't scope signals (`signals_scoped` false).
    Returns the instructions, eight bytes each, at most 4096 of them.
    """
    numbers = SYSCALLS[machine]
    program: list[bytes] = [
        _instruction(_LD_W_ABS, _OFFSET_ARCH),
        _instruction(_JEQ_K, AUDIT_ARCH[machine], 1, 0),
        _instruction(_RET_K, RET_KILL),
        _instruction(_LD_W_ABS, _OFFSET_NR),
        _instruction(_JGE_K, NEWEST_KNOWN_CALL + 1, 0, 1),  # also every x32 call
        _instruction(_RET_K, RET_ERRNO | errno.ENOSYS),
    ]

    def deny(name: str, code: int = errno.EPERM) -> None:
        if name in numbers:
            program.append(_instruction(_JEQ_K, numbers[name], 0, 1))
            program.append(_instruction(_RET_K, RET_ERRNO | code))

    def when(name: str, body: list[bytes]) -> None:
        """Run `body` for this call only; it must end in a return."""
        if name in numbers:
            program.append(_instruction(_JEQ_K, numbers[name], 0, len(body)))
            program.extend(body)

    refuse, allow = _instruction(_RET_K, RET_ERRNO | errno.EPERM), _instruction(_RET_K, RET_ALLOW)
    for name in DENIED:
        deny(name)
    # glibc falls back to clone(), whose flags can be read here; clone3's are behind a pointer.
    deny("clone3", errno.ENOSYS)
    flags = _instruction(_LD_W_ABS, _argument_offset(0))
    when("clone", [flags, _instruction(_JSET_K, CLONE_NEW_ANY, 0, 1), refuse, allow])
    # A datagram pair could be re-addressed to a socket by path; a stream pair can not.
    when(
        "socketpair",
        [
            _instruction(_LD_W_ABS, _argument_offset(1)),
            _instruction(_ALU_AND_K, SOCK_TYPE_MASK),
            _instruction(_JEQ_K, SOCK_STREAM, 1, 0),
            refuse,
            allow,
        ],
    )
    # sendto() with an address is a connection in one call.
    when(
        "sendto",
        [
            _instruction(_LD_W_ABS, _argument_offset(4)),
            _instruction(_JEQ_K, 0, 1, 0),
            refuse,
            _instruction(_LD_W_ABS, _argument_offset(4) + 4),
            _instruction(_JEQ_K, 0, 1, 0),
            refuse,
            allow,
        ],
    )
    when(
        "ioctl",
        [
            _instruction(_LD_W_ABS, _argument_offset(1)),
            _instruction(_JEQ_K, TERMINAL_INJECTION[0], 1, 0),
            _instruction(_JEQ_K, TERMINAL_INJECTION[1], 0, 1),
            refuse,
            allow,
        ],
    )
    # Another process's limits belong to whoever shares its user id: a job must not lower the worker's.
    pid = _instruction(_LD_W_ABS, _argument_offset(0))
    own = [pid, _instruction(_JEQ_K, 0, 2, 0), _instruction(_JEQ_K, own_pid, 1, 0), refuse, allow]
    when("prlimit64", own)
    if not signals_scoped:
        only_self = [pid, _instruction(_JEQ_K, own_pid, 1, 0), refuse, allow]
        when("kill", only_self)
        when("tgkill", only_self)
    program.append(allow)
    return b"".join(program)


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("instructions", ctypes.c_void_p)]


def filter_install(program: bytes) -> None:
    """Install an assembled filter on this thread and all it will start. Needs and sets no_new_privs."""
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    buffer = ctypes.create_string_buffer(program, len(program))
    holder = _Program(length=len(program) // 8, instructions=ctypes.addressof(buffer))
    kernel_call(SYSCALLS[MACHINE]["seccomp"], ctypes.c_uint(1), ctypes.c_uint(0), ctypes.byref(holder))
