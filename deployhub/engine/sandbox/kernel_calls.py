"""The few kernel calls that Python does not wrap, through ctypes."""

from __future__ import annotations

import ctypes
import os
import platform

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_SET_KEEPCAPS = 8
PR_CAPBSET_DROP = 24
PR_SET_SECUREBITS = 28
PR_SET_CHILD_SUBREAPER = 36
PR_SET_NO_NEW_PRIVS = 38
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_CLEAR_ALL = 4

CAP_DAC_READ_SEARCH = 2
CAP_LAST = 40
# NOROOT, NO_SETUID_FIXUP off, KEEP_CAPS off, each locked: uid 0 and exec never give capabilities back.
SECUREBITS_LOCKED = (1 << 0) | (1 << 1) | (1 << 3) | (1 << 5) | (1 << 6) | (1 << 7)

CLONE_NEWUSER = 0x10000000
# Mount, control group, host name, IPC, user, process and network namespaces.
CLONE_NEW_ANY = 0x00020000 | 0x02000000 | 0x04000000 | 0x08000000 | CLONE_NEWUSER | 0x20000000 | 0x40000000

MACHINE = platform.machine()

# Numbers from the kernel's unistd tables, checked in the tests against libseccomp's.
SYSCALLS: dict[str, dict[str, int]] = {
    "x86_64": {
        "socket": 41, "connect": 42, "bind": 49, "listen": 50, "accept": 43, "accept4": 288,
        "socketpair": 53, "sendto": 44, "ptrace": 101, "process_vm_readv": 310, "process_vm_writev": 311,
        "mount": 165, "umount2": 166, "pivot_root": 155, "chroot": 161, "unshare": 272, "setns": 308,
        "clone": 56, "clone3": 435, "bpf": 321, "io_uring_setup": 425, "io_uring_enter": 426,
        "io_uring_register": 427, "keyctl": 250, "add_key": 248, "request_key": 249, "userfaultfd": 323,
        "perf_event_open": 298, "kexec_load": 246, "kexec_file_load": 320, "init_module": 175,
        "finit_module": 313, "delete_module": 176, "open_by_handle_at": 304, "name_to_handle_at": 303,
        "fanotify_init": 300, "quotactl": 179, "swapon": 167, "swapoff": 168, "reboot": 169,
        "sethostname": 170, "setdomainname": 171, "settimeofday": 164, "clock_settime": 227,
        "clock_adjtime": 305, "adjtimex": 159, "acct": 163, "personality": 135, "iopl": 172, "ioperm": 173,
        "modify_ldt": 154, "lookup_dcookie": 212, "nfsservctl": 180, "vhangup": 153, "syslog": 103,
        "move_pages": 279, "migrate_pages": 256, "fsopen": 430, "fsconfig": 431, "fsmount": 432,
        "fspick": 433, "move_mount": 429, "open_tree": 428, "mount_setattr": 442, "pidfd_getfd": 438,
        "pidfd_send_signal": 424, "process_madvise": 440, "memfd_secret": 447, "kcmp": 312,
        "prlimit64": 302, "kill": 62, "tkill": 200, "tgkill": 234, "rt_sigqueueinfo": 129,
        "rt_tgsigqueueinfo": 297, "shmget": 29, "shmat": 30, "shmctl": 31, "semget": 64, "semop": 65,
        "semctl": 66, "semtimedop": 220, "msgget": 68, "msgsnd": 69, "msgrcv": 70, "msgctl": 71,
        "mq_open": 240, "mq_unlink": 241, "setpriority": 141, "sched_setscheduler": 144,
        "sched_setparam": 142, "sched_setattr": 314, "ioprio_set": 251, "ioctl": 16, "mknod": 133,
        "mknodat": 259, "process_mrelease": 448, "quotactl_fd": 443, "memfd_create": 319, "seccomp": 317,
        "_sysctl": 156, "uselib": 134, "setxattr": 188, "lsetxattr": 189, "fsetxattr": 190,
    },
    "aarch64": {
        "socket": 198, "connect": 203, "bind": 200, "listen": 201, "accept": 202, "accept4": 242,
        "socketpair": 199, "sendto": 206, "ptrace": 117, "process_vm_readv": 270, "process_vm_writev": 271,
        "mount": 40, "umount2": 39, "pivot_root": 41, "chroot": 51, "unshare": 97, "setns": 268,
        "clone": 220, "clone3": 435, "bpf": 280, "io_uring_setup": 425, "io_uring_enter": 426,
        "io_uring_register": 427, "keyctl": 219, "add_key": 217, "request_key": 218, "userfaultfd": 282,
        "perf_event_open": 241, "kexec_load": 104, "kexec_file_load": 294, "init_module": 105,
        "finit_module": 273, "delete_module": 106, "open_by_handle_at": 265, "name_to_handle_at": 264,
        "fanotify_init": 262, "quotactl": 60, "swapon": 224, "swapoff": 225, "reboot": 142,
        "sethostname": 161, "setdomainname": 162, "settimeofday": 170, "clock_settime": 112,
        "clock_adjtime": 266, "adjtimex": 171, "acct": 89, "personality": 92, "lookup_dcookie": 18,
        "nfsservctl": 42, "vhangup": 58, "syslog": 116, "move_pages": 239, "migrate_pages": 238,
        "fsopen": 430, "fsconfig": 431, "fsmount": 432, "fspick": 433, "move_mount": 429, "open_tree": 428,
        "mount_setattr": 442, "pidfd_getfd": 438, "pidfd_send_signal": 424, "process_madvise": 440,
        "memfd_secret": 447, "kcmp": 272, "prlimit64": 261, "kill": 129, "tkill": 130, "tgkill": 131,
        "rt_sigqueueinfo": 138, "rt_tgsigqueueinfo": 240, "shmget": 194, "shmat": 196, "shmctl": 195,
        "semget": 190, "semop": 193, "semctl": 191, "semtimedop": 192, "msgget": 186, "msgsnd": 189,
        "msgrcv": 188, "msgctl": 187, "mq_open": 180, "mq_unlink": 181, "setpriority": 140,
        "sched_setscheduler": 119, "sched_setparam": 118, "sched_setattr": 274, "ioprio_set": 30,
        "ioctl": 29, "mknodat": 33, "process_mrelease": 448, "quotactl_fd": 443, "memfd_create": 279,
        "seccomp": 277, "setxattr": 5, "lsetxattr": 6, "fsetxattr": 7,
    },
}  # fmt: skip
LANDLOCK_CREATE_RULESET, LANDLOCK_ADD_RULE, LANDLOCK_RESTRICT_SELF = 444, 445, 446

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long


def kernel_call(number: int, *arguments: object) -> int:
    """Make one system call. Raises OSError with the kernel's errno."""
    outcome = int(_libc.syscall(ctypes.c_long(number), *arguments))
    if outcome == -1:
        errno = ctypes.get_errno()
        raise OSError(errno, os.strerror(errno))
    return outcome


def prctl(option: int, *arguments: int) -> int:
    """prctl(2) with its unused arguments zero. Raises OSError."""
    padded = [ctypes.c_ulong(argument) for argument in (*arguments, 0, 0, 0, 0)[:4]]
    outcome = int(_libc.prctl(ctypes.c_int(option), *padded))
    if outcome == -1:
        errno = ctypes.get_errno()
        raise OSError(errno, os.strerror(errno))
    return outcome


class _CapHeader(ctypes.Structure):
    _fields_ = [("version", ctypes.c_uint32), ("pid", ctypes.c_int)]


class _CapSet(ctypes.Structure):
    _fields_ = [
        ("effective", ctypes.c_uint32),
        ("permitted", ctypes.c_uint32),
        ("inheritable", ctypes.c_uint32),
    ]


def capabilities_set(*, keep: frozenset[int]) -> None:
    """Reduce this process's permitted and effective capabilities to `keep` and empty the inheritable set."""
    header = _CapHeader(version=0x20080522, pid=0)
    sets = (_CapSet * 2)()
    for capability in keep:
        word, bit = divmod(capability, 32)
        sets[word].effective |= 1 << bit
        sets[word].permitted |= 1 << bit
    if _libc.capset(ctypes.byref(header), ctypes.byref(sets)) != 0:
        errno = ctypes.get_errno()
        raise OSError(errno, os.strerror(errno))
