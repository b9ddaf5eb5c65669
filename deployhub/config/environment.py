"""What the environment says. Every setting NAME may also come from a file: NAME_FILE (a mounted secret)."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import dj_database_url

BASE_DIR = Path(__file__).resolve().parents[2]


class ConfigurationError(SystemExit):
    """A setting that cannot work: said in one sentence, without a stack trace."""


def env(name: str, default: str = "") -> str:
    path = os.environ.get(f"{name}_FILE")
    if path:
        try:
            return Path(path).read_text().strip()
        except OSError as error:
            raise ConfigurationError(
                f"{name}_FILE names {path}, which cannot be read: {error.strerror}."
            ) from error
    return os.environ.get(name, default)


def env_flag(name: str, default: bool = False) -> bool:
    text = env(name, "1" if default else "0").lower()
    if text in ("1", "true", "yes", "on"):
        return True
    if text in ("0", "false", "no", "off", ""):
        return False
    raise ConfigurationError(f"{name} must be 1 or 0, not {text!r}.")


def env_int(name: str, default: int) -> int:
    text = env(name, str(default))
    try:
        return int(text)
    except ValueError:
        raise ConfigurationError(f"{name} must be a whole number, not {text!r}.") from None


def home() -> Path:
    """The state folder: database, blobs, uploads, work folders, secrets."""
    return Path(env("DEPLOYHUB_HOME", str(BASE_DIR / "var"))).resolve()


def secret_key(folder: Path) -> str:
    """The key from the environment, else one made at first start and kept beside the database."""
    given = env("DEPLOYHUB_SECRET_KEY")
    if given:
        return given
    path = folder / "secrets" / "secret_key"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh = path.with_suffix(f".{os.getpid()}")
        fresh.touch(mode=0o600)
        fresh.write_text(secrets.token_urlsafe(64))
        try:
            os.link(fresh, path)  # the first of several starting processes wins; the others read its key
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
    return path.read_text()


def database(folder: Path) -> dict[str, Any]:
    """SQLite with WAL and IMMEDIATE transactions, or what DATABASE_URL names."""
    url = env("DATABASE_URL")
    if url and not url.startswith("sqlite"):
        try:
            parsed: dict[str, Any] = dict(dj_database_url.parse(url))
        except ValueError as error:
            raise ConfigurationError(f"DATABASE_URL cannot be understood: {error}") from error
        if parsed["ENGINE"].endswith("postgresql"):
            parsed.setdefault("OPTIONS", {}).update({"pool": {"min_size": 1, "max_size": 16, "timeout": 10}})
            # Else each connection that a restart of the database killed costs one request, or one job's attempt.
            parsed["CONN_HEALTH_CHECKS"] = True
        return parsed
    name = url.removeprefix("sqlite:///") if url else str(folder / "db.sqlite3")
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": name,
        "CONN_MAX_AGE": 600,
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": 30,
            # recursive_triggers: else INSERT OR REPLACE slips past the append-only triggers of the audit log.
            "init_command": (
                "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA recursive_triggers=ON;"
                "PRAGMA mmap_size=134217728; PRAGMA journal_size_limit=67108864; PRAGMA cache_size=-20000;"
            ),
        },
    }


def blob_storage(folder: Path) -> dict[str, Any]:
    """Where blobs live: a folder, or `s3://bucket/prefix?endpoint=…&region=…` (keys by the AWS environment)."""
    url = env("STORAGE_URL", f"file://{folder / 'blobs'}")
    parts = urlsplit(url)
    if parts.scheme == "file":
        return {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": unquote(parts.path), "base_url": None},
        }
    if parts.scheme == "s3":
        query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        options: dict[str, Any] = {
            "bucket_name": parts.netloc,
            "location": parts.path.strip("/"),
            "file_overwrite": True,
            "querystring_auth": True,
            "signature_version": "s3v4",
        }
        if "endpoint" in query:
            options["endpoint_url"] = query["endpoint"]
        if "region" in query:
            options["region_name"] = query["region"]
        return {"BACKEND": "storages.backends.s3.S3Storage", "OPTIONS": options}
    raise ConfigurationError(f"STORAGE_URL must begin with file:// or s3://, not {parts.scheme}://.")
