"""What a confined process may see of the machine: interpreter, system libraries, a few device files."""

from __future__ import annotations

import os
import stat
from pathlib import Path

SYSTEM_LIBRARIES = ("/usr/lib", "/usr/lib32", "/usr/lib64", "/usr/local/lib", "/usr/share", "/usr/bin",
                    "/usr/libexec", "/lib", "/lib64", "/lib32", "/bin")  # fmt: skip
SYSTEM_FILES = ("/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/localtime", "/etc/mime.types", "/etc/os-release",
                "/sys/devices/system/cpu", "/sys/devices/system/node")  # fmt: skip
PROC_FILES = ("/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/proc/version", "/proc/filesystems",
              "/proc/sys/vm", "/proc/sys/kernel/osrelease")  # fmt: skip
DEVICES_READ = ("/dev/urandom", "/dev/random", "/dev/zero", "/dev/full")
DEVICES_WRITE = ("/dev/null",)
# From our own source only the engine and the kernel floor: settings and the rest stay unseen.
_SOURCE_PARTS = ("__init__.py", "py.typed", "engine", "kernel")

NOBODY_UID = 65534


def source_root() -> Path:
    """The folder that holds the `deployhub` package."""
    return Path(__file__).resolve().parents[3]


def source_paths() -> list[Path]:
    """The parts of our own source that the engine imports."""
    package = source_root() / "deployhub"
    return [path for part in _SOURCE_PARTS if (path := package / part).exists()]


def interpreter_paths(python: Path) -> list[Path]:
    """Folders that the given interpreter reads: its environment and the installation it stands on."""
    environment = Path(os.path.abspath(python)).parent.parent
    roots = [environment]
    configuration = environment / "pyvenv.cfg"
    if configuration.is_file():
        for line in configuration.read_text(encoding="utf-8").splitlines():
            key, _, value = line.partition("=")
            if key.strip() == "home":
                roots.append(Path(value.strip()).parent)
    roots.append(Path(os.path.realpath(python)).parent.parent)
    paths: list[Path] = []
    for root in dict.fromkeys(roots):
        # An interpreter in /usr or /usr/local must not open the whole tree.
        parts = ("lib", "lib64", "bin", "include", "pyvenv.cfg")
        paths += [root / part for part in parts if (root / part).exists()]
    return list(dict.fromkeys(paths))


def sandbox_uid() -> int:
    """The user id that jobs get when the worker itself is root."""
    return int(os.environ.get("DEPLOYHUB_SANDBOX_UID") or NOBODY_UID)


def readable_by(uid: int, path: Path, *, stop_at: Path | None = None) -> bool:
    """Whether `uid` (with no group of its own) may read `path`, judged by owner and mode bits alone.

    Folders above it must be passable up to the root, or up to `stop_at` where a mount hides the rest.
    """
    try:
        status = path.stat()
    except OSError:
        return False
    if not status.st_mode & (stat.S_IROTH | (stat.S_IRUSR if status.st_uid == uid else 0)):
        return False
    folder = path if path.is_dir() else path.parent
    while True:
        status = folder.stat()
        if not status.st_mode & (stat.S_IXOTH | (stat.S_IXUSR if status.st_uid == uid else 0)):
            return False
        if folder == stop_at or folder == folder.parent:
            return True
        folder = folder.parent


def threads_of_user(uid: int) -> int:
    """Processes and threads that `uid` has on this machine: RLIMIT_NPROC counts from there."""
    count = 0
    for entry in os.scandir("/proc"):
        if not entry.name.isdigit():
            continue
        try:
            if entry.stat().st_uid == uid:
                count += len(os.listdir(f"/proc/{entry.name}/task"))
        except OSError:
            continue
    return count
