"""A real OpenID provider (Canaille, from PyPI) in an environment of its own, made once and kept in the user's cache.

Its releases are locked in openid_house.txt, apart from ours: the provider is no dependency of DeployHub.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from tests.servers import die_with_the_tests, port_free

LOCK = Path(__file__).with_suffix(".txt")
START_WITHIN_S = 60


class NoProviderError(RuntimeError):
    """The provider's environment could not be made on this machine; the text says why."""


def environment_prepare() -> Path:
    """The folder with the provider's programs; made if it is not there yet."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "deployhub-tests"
    folder = cache / f"canaille-{hashlib.sha256(LOCK.read_bytes()).hexdigest()[:16]}"
    if (folder / "ready").exists():
        return folder / "bin"
    beside = Path(sys.executable).with_name("uv")
    uv = str(beside) if beside.exists() else shutil.which("uv")
    if uv is None:
        raise NoProviderError("uv is not here: it is one of the development dependencies")
    cache.mkdir(parents=True, exist_ok=True)
    for command in (
        [uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(folder)],
        [uv, "pip", "install", "--quiet", "--require-hashes", "--python", str(folder / "bin" / "python"), "-r", str(LOCK)],
    ):  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, timeout=600)
        if done.returncode != 0:
            raise NoProviderError(f"the OpenID provider could not be installed: {done.stderr[-1500:]}")
    (folder / "ready").touch()
    return folder / "bin"


class OpenIdHouse:
    """A running provider with its own people and groups."""

    def __init__(self, folder: Path) -> None:
        self.programs = environment_prepare()
        port = port_free()
        self.folder, self.issuer = folder, f"http://127.0.0.1:{port}"
        self.environment = {
            "PATH": os.environ.get("PATH", ""),
            "HOME": str(folder),
            "CANAILLE_CONFIG": str(folder / "canaille.toml"),
            "AUTHLIB_INSECURE_TRANSPORT": "1",  # loopback
        }
        lines = [
            'SECRET_KEY = "of a test, on loopback"', f'SERVER_NAME = "127.0.0.1:{port}"', 'PREFERRED_URL_SCHEME = "http"',
            "[CANAILLE]", 'NAME = "House"', 'DATABASE = "sql"',
            "[CANAILLE_SQL]", f'DATABASE_URI = "sqlite:///{folder}/house.sqlite"',
            "[CANAILLE_OIDC]",
        ]  # fmt: skip
        (folder / "canaille.toml").write_text("\n".join(lines) + "\n")
        key = json.loads(self.run("jwk", "create", "rsa").strip().splitlines()[-1])
        lines.append("ACTIVE_JWKS = [{ " + ", ".join(f'{name} = "{key[name]}"' for name in key) + " }]")
        (folder / "canaille.toml").write_text("\n".join(lines) + "\n")
        self.run("install")
        with (folder / "log").open("wb") as log:
            self.server = subprocess.Popen(
                [str(self.programs / "canaille"), "run", "--bind", f"127.0.0.1:{port}"],
                cwd=folder, env=self.environment, stdout=log, stderr=log, preexec_fn=die_with_the_tests,
            )  # fmt: skip
        self._wait()

    def run(self, *words: str) -> str:
        done = subprocess.run(
            [str(self.programs / "canaille"), *words],
            cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        if done.returncode != 0:
            raise NoProviderError(f"canaille {words[0]}: {done.stderr[-1500:]}")
        return done.stdout

    def _wait(self) -> None:
        ends = time.monotonic() + START_WITHIN_S
        while time.monotonic() < ends and self.server.poll() is None:
            try:
                with urllib.request.urlopen(f"{self.issuer}/.well-known/openid-configuration", timeout=5):
                    return
            except OSError:
                time.sleep(0.2)
        raise NoProviderError(f"the provider did not start: {(self.folder / 'log').read_text()[-2000:]}")

    def end(self) -> None:
        self.server.terminate()
        try:
            self.server.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.server.kill()
            self.server.wait()
