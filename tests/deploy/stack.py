"""docker-compose.yml's own start commands as plain processes, against a real PostgreSQL and Valkey.

What differs from the containers, and nothing else: paths (`/run/secrets`, `/var/lib/deployhub`, `/tmp/beat-schedule`)
lie in the test's folder, the web server's port is a free one, and each worker is told a name of its own, since two
on one machine share its host name.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.servers import port_free

ROOT = Path(__file__).resolve().parents[2]
DOMAIN = "localhost"
AUDIT_KEY = (
    Ed25519PrivateKey.generate()
    .private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    .decode()
    .strip()
)


class Stack:
    def __init__(self, folder: Path, *, database_url: str, redis_url: str) -> None:
        self.folder = folder
        self.port = port_free()
        self.services: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        secrets = folder / "secrets"
        secrets.mkdir()
        for name, text in {
            "secret_key": "k" * 60,
            "database_url": database_url,
            "redis_url": redis_url,
            "audit_key": AUDIT_KEY,
        }.items():
            (secrets / name).write_text(text + "\n")

    def environment(self, service: str, home: str) -> dict[str, str]:
        given = {
            name: value for name, value in os.environ.items()
            if not re.match(r"DEPLOYHUB_|DATABASE_URL|REDIS_URL|STORAGE_URL|DJANGO_|PYTEST_", name)
        }  # fmt: skip
        for name, value in self.services[service]["environment"].items():
            given[name] = self._here(self._substituted(value), home)
        # The volume `blobs`, mounted into every service.
        given["STORAGE_URL"] = f"file://{self.folder / 'blobs'}"
        given["PATH"] = f"{Path(sys.executable).parent}:{given.get('PATH', '')}"
        return given | {"PYTHONPATH": str(ROOT), "DJANGO_SETTINGS_MODULE": "deployhub.config.settings"}

    def command(self, service: str, home: str) -> list[str]:
        words = [self._here(self._substituted(word), home) for word in self.services[service]["command"]]
        return [word.replace("--port=8000", f"--port={self.port}") for word in words]

    def run(self, service: str) -> str:
        """Run a service that ends by itself; returns what it printed."""
        done = subprocess.run(
            self.command(service, "state"), cwd=ROOT, env=self.environment(service, "state"),
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=180,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def start(self, service: str, *, name: str | None = None, home: str = "state") -> subprocess.Popen[bytes]:
        name = name or service
        environment = self.environment(service, home)
        command = self.command(service, home)
        if service == "worker":
            environment["DEPLOYHUB_WORKER_NAME"] = name
            command = [word.replace("@%h", f"@{name}") for word in command]
        with (self.folder / f"{name}.log").open("ab") as log:
            self.running[name] = subprocess.Popen(
                command,
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        return self.running[name]

    def manage(self, code: str) -> str:
        """Run a little Python inside the web service's environment; returns what it printed."""
        done = subprocess.run(
            [sys.executable, "manage.py", "shell", "--no-imports", "--command", code],
            cwd=ROOT, env=self.environment("web", "state"), capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def page(self, path: str) -> tuple[int, str]:
        """A request as the proxy passes it on: it ended TLS and says so."""
        headers = {"Host": DOMAIN, "X-Forwarded-Proto": "https", "X-Forwarded-For": "198.51.100.7"}
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return int(answer.status), answer.read().decode(errors="replace")
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode(errors="replace")
        except OSError as error:
            return 0, str(error)

    def logs(self) -> str:
        return "\n".join(
            f"── {path.name}\n{path.read_text(errors='replace')[-3000:]}"
            for path in self.folder.glob("*.log")
        )

    def wait_until(self, holds: Callable[[], Any], what: str, *, within_s: float = 120) -> Any:
        ends = time.monotonic() + within_s
        while time.monotonic() < ends:
            if found := holds():
                return found
            time.sleep(0.3)
        raise AssertionError(f"not within {within_s} s: {what}\n{self.logs()}")

    def end(self) -> None:
        for process in self.running.values():
            process.terminate()
        ends = time.monotonic() + 10
        for process in self.running.values():
            try:
                process.wait(timeout=max(0.1, ends - time.monotonic()))
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def _here(self, text: str, home: str) -> str:
        for there, here in {
            "/run/secrets": "secrets",
            "/var/lib/deployhub": home,
            "/tmp/beat-schedule": "beat-schedule",
        }.items():
            text = text.replace(there, str(self.folder / here))
        return text

    @staticmethod
    def _substituted(text: str) -> str:
        """Compose's `${NAME:-default}` with nothing set."""
        return re.sub(r"\$\{[A-Z_]+:-([^}]*)\}", r"\1", str(text))
