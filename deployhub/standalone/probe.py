"""Ask the web server whether it serves, without ever waiting for it."""

import contextlib
import socket
import ssl
import time
from urllib.parse import urlsplit

ANSWER_WITHIN_S = 10.0
HANDSHAKE_WITHIN_S = 2.0


class Probe:
    """One GET of /healthz at a time, read a little further at each call."""

    def __init__(self, address: str) -> None:
        parts = urlsplit(address)
        self._host, self._port = parts.hostname or "127.0.0.1", parts.port or 80
        self._tls: ssl.SSLContext | None = None
        if parts.scheme == "https":
            # Our own child, asked for nothing but a sign of life: whose certificate it shows is of no matter here.
            self._tls = ssl.create_default_context()
            self._tls.check_hostname = False
            self._tls.verify_mode = ssl.CERT_NONE
        self._connection: socket.socket | None = None
        self._asked_at = 0.0

    def is_ready(self) -> bool:
        """Whether an answer with status 200 has come; call again until it has."""
        if self._connection is None:
            self._ask()
            return False
        try:
            head = self._connection.recv(64)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            if time.monotonic() - self._asked_at > ANSWER_WITHIN_S:
                self._forget()
            return False
        except OSError:
            head = b""
        self._forget()
        return head.startswith(b"HTTP/1.1 200")

    def _ask(self) -> None:
        try:
            # Loopback: it connects or is refused at once.
            self._connection = socket.create_connection((self._host, self._port), timeout=0.2)
            if self._tls is not None:
                self._connection.settimeout(HANDSHAKE_WITHIN_S)
                self._connection = self._tls.wrap_socket(self._connection)
            host = f"[{self._host}]" if ":" in self._host else self._host
            request = f"GET /healthz HTTP/1.1\r\nHost: {host}:{self._port}\r\nConnection: close\r\n\r\n"
            self._connection.sendall(request.encode())
            self._connection.setblocking(False)
            self._asked_at = time.monotonic()
        except OSError:
            self._forget()

    def _forget(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(OSError):
                self._connection.close()
        self._connection = None
