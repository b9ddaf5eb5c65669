"""A Django of the benchmark's own: a fresh state folder, a fresh database, migrated."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def django_staged(database_url: str = "") -> Iterator[None]:
    """Set Django up once in this process, on SQLite in a temporary folder or on `database_url`."""
    with tempfile.TemporaryDirectory(prefix="deployhub-bench-", ignore_cleanup_errors=True) as home:
        os.environ["DEPLOYHUB_HOME"] = home
        os.environ["DATABASE_URL"] = database_url
        os.environ["DJANGO_SETTINGS_MODULE"] = "deployhub.config.settings"
        os.environ.setdefault("REDIS_URL", "redis://127.0.0.1:1/0")
        import django
        from django.core.management import call_command

        django.setup()
        call_command("migrate", verbosity=0)
        yield
