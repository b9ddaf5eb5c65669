"""The settings of a public installation pass Django's own deployment checks."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.architecture.tree import ROOT, tracked_files


def _manage(home: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env={**kept, "DEPLOYHUB_HOME": str(home), **environment},
        capture_output=True,
        text=True,
    )


def test_an_installation_behind_tls_passes_every_deployment_check(tmp_path: Path) -> None:
    done = _manage(
        tmp_path, "check", "--deploy", "--fail-level", "WARNING", DEPLOYHUB_ORIGIN="https://hub.example.org"
    )
    assert done.returncode == 0, done.stderr


def test_behind_tls_cookies_and_transport_are_strict(tmp_path: Path) -> None:
    """Nothing is silenced where the origin is https: the checks that loopback over http leaves out hold there."""
    program = (
        "from django.conf import settings as s; "
        "assert s.SESSION_COOKIE_SECURE and s.CSRF_COOKIE_SECURE and s.SECURE_SSL_REDIRECT; "
        "assert s.SECURE_HSTS_SECONDS >= 31536000 and s.SESSION_COOKIE_NAME.startswith('__Host-'); "
        "assert s.SESSION_COOKIE_HTTPONLY and s.CSRF_COOKIE_HTTPONLY and s.CSRF_COOKIE_NAME.startswith('__Host-'); "
        "assert s.SILENCED_SYSTEM_CHECKS == [] and not s.USE_X_FORWARDED_HOST and not s.DEBUG"
    )
    done = _manage(
        tmp_path, "shell", "--no-imports", "-c", program, DEPLOYHUB_ORIGIN="https://hub.example.org"
    )
    assert done.returncode == 0, done.stderr


def test_no_migration_is_missing(tmp_path: Path) -> None:
    done = _manage(tmp_path, "makemigrations", "--check", "--dry-run")
    assert done.returncode == 0, done.stdout


def test_no_secret_is_committed() -> None:
    wrong = [
        str(path)
        for path in tracked_files()
        if path.name.startswith(".env")
        or path.suffix in (".pem", ".key", ".p12", ".sqlite3")
        or "secrets" in path.parts
        or path.name in ("secret_key", "id_ed25519", "credentials.json")
    ]
    assert wrong == []
