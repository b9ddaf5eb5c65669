"""Tier A's outer wall: a fresh root, own process, network and IPC namespaces, made by bubblewrap."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from deployhub.engine.sandbox import surroundings

# What the server needs when it starts as root, until each job gives it up: change user, end jobs,
# read root's own interpreter, drop the bounding set.
_SERVER_CAPABILITIES = ("CAP_SETUID", "CAP_SETGID", "CAP_KILL", "CAP_DAC_READ_SEARCH", "CAP_SETPCAP")
_TOP_FOLDERS = ("/lib", "/lib64", "/lib32", "/bin", "/sbin")


def bubblewrap_find() -> str | None:
    """Path of bubblewrap's program, None where it isn't installed."""
    return shutil.which("bwrap", path=os.environ.get("PATH", "/usr/bin:/bin"))


def bubblewrap_command(
    *, program: str, read_paths: Sequence[Path], work_root: Path, server_home: Path
) -> list[str]:
    """Arguments before the command to be wrapped.

    No --die-with-parent: that signal follows the *thread* that started us, and workers start us from
    threads that end. The end of the control socket ends the server, and with it the namespace.
    """
    command = [
        program,
        "--unshare-ipc",
        "--unshare-pid",
        "--unshare-net",
        "--unshare-uts",
        "--unshare-cgroup-try",
    ]
    if os.geteuid() == 0:
        # In a user namespace "root" would still be the real user 0, whom RLIMIT_NPROC doesn't bind.
        command += ["--cap-drop", "ALL"]
        for capability in _SERVER_CAPABILITIES:
            command += ["--cap-add", capability]
    else:
        command += ["--unshare-user"]
    command += ["--new-session", "--hostname", "engine", "--chdir", "/"]
    command += ["--ro-bind", "/usr", "/usr"]
    for top in _TOP_FOLDERS:
        if os.path.islink(top):
            command += ["--symlink", os.readlink(top), top]
        elif os.path.isdir(top):
            command += ["--ro-bind", top, top]
    # bubblewrap makes missing parents 0700, and a job is another user than the one who made them.
    for folder in ("/etc", "/sys", "/sys/devices", "/sys/devices/system"):
        command += ["--perms", "0755", "--dir", folder]
    for path in surroundings.SYSTEM_FILES:
        command += ["--ro-bind-try", path, path]
    command += ["--proc", "/proc", "--dev", "/dev", "--perms", "1777", "--tmpfs", "/tmp"]  # noqa: S108
    bound = ["/usr"]
    for bind in (*read_paths, server_home, work_root):
        for parent in reversed(bind.parents):
            if not any(parent.is_relative_to(above) for above in bound) and str(parent) not in ("/", "/tmp"):  # noqa: S108
                command += ["--perms", "0755", "--dir", str(parent)]
        bound.append(str(bind))
    for readable in read_paths:
        command += ["--ro-bind-try", str(readable), str(readable)]
    # Last, so that a work folder below /tmp or the source tree lies on top.
    command += ["--ro-bind", str(server_home), str(server_home)]
    command += ["--bind", str(work_root), str(work_root)]
    return command
