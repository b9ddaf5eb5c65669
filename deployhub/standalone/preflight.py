"""What must hold before anything is started: the folder, its lock, the disk, the port."""

import errno
import fcntl
import json
import os
import shutil
import socket
import time
from pathlib import Path
from typing import Any

import psutil

from deployhub.standalone.refusals import Refusal

DISK_NEEDED_BYTES = 500 * 10**6
LOCK_WAIT_S = 10.0


def home_prepare(home: Path) -> None:
    """Make the state folder and its rooms, readable by its owner alone."""
    try:
        for folder in (home, home / "run", home / "logs", home / "valkey"):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        (home / "run" / ".writable").touch()
    except OSError as error:
        raise Refusal(
            f"DeployHub cannot write to its folder {home} ({error.strerror}): "
            "give yourself the right to, or choose another with DEPLOYHUB_HOME=/some/folder."
        ) from error
    free_bytes = shutil.disk_usage(home).free
    if free_bytes < DISK_NEEDED_BYTES:
        raise Refusal(
            f"Only {free_bytes / 1e6:.0f} MB of disk are free in {home}, and DeployHub needs "
            f"{DISK_NEEDED_BYTES / 1e6:.0f} MB to work: free some space there and start again."
        )


def home_lock(home: Path, *, address: str) -> int:
    """Take the folder for this supervisor alone; returns the descriptor that holds the lock.

    The watcher inherits the descriptor: after a SIGKILL the lock falls only when the old children are gone,
    which is waited for. Raises Refusal where a living supervisor holds it.
    """
    descriptor = os.open(home / "run" / "supervisor.lock", os.O_RDWR | os.O_CREAT, 0o600)
    ends = time.monotonic() + LOCK_WAIT_S
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except OSError as error:
            holder = _holder_read(descriptor)
            if _lives(holder.get("pid")) or time.monotonic() > ends:
                os.close(descriptor)
                raise Refusal(
                    f"DeployHub already runs on the folder {home} at {holder.get('address', 'another address')} "
                    f"(process {holder.get('pid', 'unknown')}): use that one, stop it first, "
                    "or choose another folder with DEPLOYHUB_HOME=/some/folder."
                ) from error
            time.sleep(0.1)
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, json.dumps({"pid": os.getpid(), "address": address}).encode(), 0)
    return descriptor


def _holder_read(descriptor: int) -> dict[str, Any]:
    try:
        return dict(json.loads(os.pread(descriptor, 4096, 0)))
    except ValueError:
        return {}


def _lives(pid: object) -> bool:
    try:
        # A zombie is dead: its parent only has not asked yet.
        return isinstance(pid, int) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def port_require(host: str, port: int) -> None:
    """Raise Refusal where the web server could not listen, so that a taken port is told before anything starts."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except OSError as error:
        raise Refusal(
            f"{host} is not an address of this machine: choose another, for instance make run HOST=127.0.0.1."
        ) from error
    listener = socket.socket(family, kind, protocol)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(address)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise Refusal(
                f"Port {port} is already in use on {host}: stop what uses it, or choose another port "
                f"with make run PORT={port + 1}."
            ) from error
        if error.errno == errno.EACCES:
            raise Refusal(
                f"Port {port} is reserved for root: choose one above 1023, for instance make run PORT=8000."
            ) from error
        raise Refusal(
            f"{host} is not an address of this machine: choose another, for instance make run HOST=127.0.0.1."
        ) from error
    finally:
        listener.close()


def redirect_port_given(port: int) -> int:
    """The port on which plain http shows the way to https (DEPLOYHUB_HTTP_REDIRECT_PORT); 0: none."""
    text = os.environ.get("DEPLOYHUB_HTTP_REDIRECT_PORT", "")
    if not text:
        return 0
    if not text.isdecimal() or not 0 < int(text) < 65536 or int(text) == port:
        raise Refusal(
            f"DEPLOYHUB_HTTP_REDIRECT_PORT={text} is no port beside {port}: choose another, for instance 8080."
        )
    return int(text)
