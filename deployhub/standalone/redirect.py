"""Show people who typed http:// the way to https://. Started by the supervisor where DEPLOYHUB_HTTP_REDIRECT_PORT asks.

Only what a person opens in a browser is redirected, and only to the one origin that was configured, whatever the
request says about its host. A program that speaks to the API in clear is told so instead: a redirect would hide
that its token has already crossed the network.
"""

import http.server
import os
import sys
from typing import ClassVar


class Redirect(http.server.BaseHTTPRequestHandler):
    origin: ClassVar[str] = ""
    timeout = 10
    server_version, sys_version = "", ""

    def _answer(self) -> None:
        is_page = self.command in ("GET", "HEAD") and not self.path.startswith("/api/")
        path = self.path if self.path.startswith("/") and self.path.isprintable() else "/"
        text = b"DeployHub speaks TLS only: use https.\n"
        self.send_response(308 if is_page else 403)
        if is_page:
            self.send_header("Location", f"{self.origin}/{path.lstrip('/')}")
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(text)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        if self.command != "HEAD":
            self.wfile.write(text)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _answer  # noqa: N815 - the library's names

    def log_message(self, *arguments: object) -> None:
        return


def main() -> int:
    host, port, Redirect.origin = sys.argv[1], int(sys.argv[2]), sys.argv[3].rstrip("/")
    if ":" in host:
        import socket

        http.server.ThreadingHTTPServer.address_family = socket.AF_INET6
    with http.server.ThreadingHTTPServer((host.strip("[]"), port), Redirect) as server:
        print(f"Redirecting http on port {port} to {Redirect.origin}", flush=True)
        server.serve_forever()
    return os.EX_OK


if __name__ == "__main__":
    sys.exit(main())
