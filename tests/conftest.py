"""Fixtures are people, and the things that they work with."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

# A busy machine is no defect of what is tested: neither a slow draw nor a slow example fails a test.
hypothesis_settings.register_profile(
    "shared machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
hypothesis_settings.load_profile("shared machine")

# Tests keep their state apart from an installation's: set before Django reads its settings.
if "DEPLOYHUB_TEST_HOME" not in os.environ:
    os.environ["DEPLOYHUB_TEST_HOME"] = tempfile.mkdtemp(prefix="deployhub-test-")
os.environ["DEPLOYHUB_HOME"] = os.environ["DEPLOYHUB_TEST_HOME"]
os.environ.setdefault(
    "REDIS_URL", "redis://127.0.0.1:1/0"
)  # nothing listens there: no test may need a broker by accident


@pytest.fixture(autouse=True)
def _own_folders(settings: Any, tmp_path: Path) -> None:
    """Blobs, uploads and work folders of each test are its own."""
    settings.DEPLOYHUB_WORK_ROOT = tmp_path / "work"
    settings.DEPLOYHUB_UPLOAD_ROOT = tmp_path / "uploads"
    settings.STORAGES = {
        **settings.STORAGES,
        "blobs": {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": str(tmp_path / "blobs"), "base_url": None},
        },
    }
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    from django.core.cache import cache

    cache.clear()


@pytest.fixture(autouse=True, scope="session")
def _flush_keeps_the_audit_triggers() -> Iterator[None]:
    """Transactional tests empty every table at their end; the audit log's triggers rightly refuse that.

    The flush alone runs with the triggers taken off, and puts them back.
    """
    from django.db import connection
    from django.test import TransactionTestCase

    plain = TransactionTestCase._fixture_teardown

    def teardown(self: TransactionTestCase) -> None:
        import importlib

        migration = importlib.import_module("deployhub.audit.migrations.0005_append_only_with_permits")
        with connection.schema_editor() as editor:
            migration.triggers_drop(None, editor)
        try:
            plain(self)
        finally:
            with connection.schema_editor() as editor:
                migration.triggers_create(None, editor)

    TransactionTestCase._fixture_teardown = teardown  # type: ignore[method-assign]
    yield
    TransactionTestCase._fixture_teardown = plain  # type: ignore[method-assign]


@pytest.fixture(autouse=True, scope="session")
def _forced_logins_have_a_session_row() -> Iterator[None]:
    """`force_login` stands for a sign-in, and a session without a row is none."""
    from django.test import Client

    from tests.sessions import row_give

    plain = Client.force_login

    def force_login(self: Client, user: Any, backend: str | None = None) -> None:
        plain(self, user, backend)
        row_give(self, user)

    Client.force_login = force_login  # type: ignore[method-assign]
    yield
    Client.force_login = plain  # type: ignore[method-assign]


PASSWORD = "correct horse battery staple"


@pytest.fixture
def person(db: None) -> Callable[..., Any]:
    """Make a person: `person("kim", role="viewer", project=shapes)`."""
    from deployhub.access.models import Membership
    from deployhub.accounts.models import User
    from deployhub.audit.scope import system_scope

    def make(username: str, *, role: str | None = None, project: Any = None, **fields: Any) -> User:
        with system_scope("test person"):
            user = User(
                username=username, name=username.replace("_", " ").title(), demo_answered=True, **fields
            )
            user.set_password(PASSWORD)
            user.save()
            if role is not None:
                Membership.objects.create(user=user, project=project, role=role)
        return user

    return make


@pytest.fixture
def project(db: None) -> Any:
    from deployhub.audit.scope import system_scope
    from deployhub.registry.models import Project

    with system_scope("test project"):
        return Project.objects.create(name="Shapes", slug="shapes")


@pytest.fixture
def foreign_project(db: None) -> Any:
    """A project in which nobody of the cast has a role but the stranger, its owner."""
    from deployhub.audit.scope import system_scope
    from deployhub.registry.models import Project

    with system_scope("test project"):
        return Project.objects.create(name="Elsewhere", slug="elsewhere")


@pytest.fixture
def owner(person: Any, project: Any) -> Any:
    return person("owner", role="owner", project=project)


@pytest.fixture
def engineer(person: Any, project: Any) -> Any:
    return person("engineer", role="engineer", project=project)


@pytest.fixture
def release_manager(person: Any, project: Any) -> Any:
    return person("release_manager", role="release_manager", project=project)


@pytest.fixture
def viewer(person: Any, project: Any) -> Any:
    return person("viewer", role="viewer", project=project)


@pytest.fixture
def stranger(person: Any, foreign_project: Any) -> Any:
    return person("stranger", role="owner", project=foreign_project)


@pytest.fixture
def administrator(person: Any) -> Any:
    return person("administrator", is_administrator=True)


@pytest.fixture
def auditor(person: Any) -> Any:
    return person("auditor", is_auditor=True)


@pytest.fixture
def cleared(db: None) -> Callable[..., Any]:
    """Give a version an artifact with a certificate that passed: `cleared(version)`, `cleared(version, outcome="failed")`."""
    import io

    from deployhub.audit.scope import system_scope
    from deployhub.registry.models import Artifact, ArtifactFile, Certificate
    from deployhub.registry.storage import blob_store

    def make(version: Any, *, outcome: str = "passed", **fields: Any) -> Certificate:
        of = {"project": version.project}
        with system_scope("test certificate"):
            artifact = fields.pop("artifact", None) or Artifact.objects.create(
                version=version, key=f"certified {version.pk}", format_key="onnx", format_label="ONNX",
                precision="fp32", file_name="model.onnx", manifest_sha256="0" * 64, size_bytes=5,
                created_by=version.created_by, **of,
            )  # fmt: skip
            if not artifact.files.exists():
                blob = blob_store(io.BytesIO(b"bytes"))
                ArtifactFile.objects.create(artifact=artifact, path="model.onnx", blob=blob, **of)
            return Certificate.objects.create(
                artifact=artifact, number=artifact.certificates.count() + 1, outcome=outcome, **of, **fields
            )

    return make


@pytest.fixture
def acting() -> Callable[..., Any]:
    """The Actor of a person, as a use case takes it, just signed in: `acting(engineer)`."""
    from deployhub.kernel.actor import Actor, ActorKind, Door
    from deployhub.kernel.clock import utc_now

    def make(user: Any, **fields: Any) -> Actor:
        return Actor(
            kind=ActorKind.SERVICE if user.is_service else ActorKind.USER,
            name=user.audit_label(),
            door=fields.pop("door", Door.BROWSER),
            user_id=user.pk,
            is_administrator=user.is_administrator,
            is_auditor=user.is_auditor,
            second_factor_at=fields.pop("second_factor_at", utc_now()),
            **fields,
        )

    return make


@pytest.fixture
def browser(client: Any) -> Callable[..., Any]:
    """A signed-in test client: `browser(viewer).get("/models/")`.

    It signed in just now, so that nothing asks for a step-up; `browser(viewer, minutes_ago=11)` did so earlier.
    """
    import time

    from django.test import Client

    from deployhub.doors.vocab import SESSION_SECOND_FACTOR_AT

    def make(user: Any, *, minutes_ago: int = 0) -> Client:
        signed_in = Client()
        signed_in.force_login(user)
        session = signed_in.session
        session[SESSION_SECOND_FACTOR_AT] = time.time() - 60 * minutes_ago
        session.save()
        return signed_in

    return make


@pytest.fixture
def token_of(db: None) -> Callable[..., str]:
    """An API token's text: `token_of(engineer, scopes=["read", "upload"])`.

    An administrator has waived the step-up for it, unless `step_up_exempt=False`.
    """
    from datetime import timedelta

    from deployhub.access.vocab import TokenScope
    from deployhub.accounts.models import ApiToken
    from deployhub.accounts.sealing import token_digest
    from deployhub.audit.scope import system_scope
    from deployhub.kernel.clock import utc_now
    from deployhub.kernel.ids import new_id
    from deployhub.kernel.token_text import TokenPrefix, token_text_new

    def make(user: Any, *, scopes: list[str] | None = None, **fields: Any) -> str:
        text = token_text_new(TokenPrefix.SERVICE if user.is_service else TokenPrefix.PERSONAL, new_id())
        with system_scope("test token"):
            ApiToken.objects.create(
                user=user,
                label="test",
                digest=token_digest(text),
                scopes=TokenScope.values if scopes is None else scopes,
                expires_at=fields.pop("expires_at", utc_now() + timedelta(days=1)),
                step_up_exempt=fields.pop("step_up_exempt", True),
                **fields,
            )
        return text

    return make


@pytest.fixture
def api(token_of: Any) -> Callable[..., Any]:
    """A REST client with a token: `api(engineer).get("/api/v1/models/")`."""
    from rest_framework.test import APIClient

    def make(user: Any, *, scopes: list[str] | None = None, **fields: Any) -> APIClient:
        client = APIClient()
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {token_of(user, scopes=scopes, **fields)}")
        return client

    return make
