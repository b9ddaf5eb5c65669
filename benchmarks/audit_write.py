"""What the audit floor costs: a write against the same write with the floor switched off (here only).

Twice: as a person or program makes it, one PATCH over REST; and the bare use case, where the event is nearly all there
is. Without the floor `save` is Django's own and no event is written. Run on PostgreSQL with durable commits, as an
installation has them, and on SQLite.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import secrets
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta

from benchmarks.stage import django_staged
from benchmarks.table import Row, median, milliseconds, row_print

RUNS = 400
AIM = 1.3


def measure(label: str) -> None:
    from django.db import models, transaction

    from deployhub.access import policy
    from deployhub.accounts.models import ApiToken, User
    from deployhub.accounts.sealing import token_digest
    from deployhub.audit.scope import system_scope
    from deployhub.kernel.actor import Actor, ActorKind, Door
    from deployhub.kernel.clock import utc_now
    from deployhub.registry.models import Project
    from deployhub.usecase import usecase

    with system_scope("benchmark"):
        user = User.objects.create(username="bench", is_administrator=True)
        project = Project.objects.create(name="Bench", slug="bench")
    actor = Actor(kind=ActorKind.USER, name="bench", door=Door.API, user_id=user.pk, is_administrator=True)
    texts = (f"description {n}" for n in itertools.count())

    @usecase("project.update", on="project")
    def describe(*, actor: Actor, project: Project, text: str) -> None:
        project.description = text
        project.save(update_fields=["description"])

    def audited() -> None:
        describe(actor=actor, project=project, text=next(texts))

    def bare() -> None:
        policy.require(actor, "project.update", project)
        with transaction.atomic(durable=True):
            project.description = next(texts)
            models.Model.save_base(project, update_fields=["description"])

    _compare(f"Audited write, use case alone, {label}", audited, bare)

    from unittest import mock

    from django.test import Client

    from deployhub.audit import scope
    from deployhub.audit.audited import AuditedModel

    text = f"dh_pat_{secrets.token_urlsafe(32)}"
    with system_scope("benchmark"):
        ApiToken.objects.create(
            user=user, label="bench", digest=token_digest(text), scopes=["read", "administer"], expires_at=utc_now() + timedelta(1)
        )  # fmt: skip
    client = Client(HTTP_HOST="localhost", headers={"Authorization": f"Bearer {text}"})

    def patch() -> None:
        answer = client.patch(
            f"/api/v1/projects/{project.pk}/", {"description": next(texts)}, content_type="application/json"
        )
        assert answer.status_code == 200, answer.content

    def patch_bare() -> None:
        class NoScope:
            changed = True

            def touch(self, *args: object, **facts: object) -> None:
                """The floor is off: nobody listens."""

        @contextlib.contextmanager
        def off(*args: object, **kwargs: object) -> Iterator[NoScope]:
            token = scope._current.set(NoScope())  # type: ignore[arg-type]
            try:
                yield NoScope()
            finally:
                scope._current.reset(token)

        with (
            mock.patch("deployhub.usecase.audit_scope", off),
            mock.patch.object(AuditedModel, "save_base", models.Model.save_base),
            mock.patch("deployhub.audit.scope.events_write", return_value=None),
        ):
            patch()

    _compare(f"Audited write, PATCH over REST, {label}", patch, patch_bare)


def _compare(name: str, audited: Callable[[], None], bare: Callable[[], None]) -> None:
    # Turn by turn, so that a drift of the machine meets both alike.
    with_floor, without_floor = [], []
    for _ in range(5):
        with_floor += milliseconds(audited, runs=RUNS // 5)
        without_floor += milliseconds(bare, runs=RUNS // 5)
    ours, peer = median(with_floor), median(without_floor)
    row_print(
        Row(
            name,
            f"{ours:.2f} ms",
            f"{peer:.2f} ms without the audit floor",
            ours / peer,
            f"at most {AIM}",
            ours / peer <= AIM,
        )
    )


def main() -> None:
    if len(sys.argv) > 1:
        os.environ["DEPLOYHUB_API_RATE"] = "1000000/min"
        with django_staged(sys.argv[2] if len(sys.argv) > 2 else ""):
            measure(sys.argv[1])
        return
    from tests.servers import postgres_serve

    subprocess.run([sys.executable, "-m", "benchmarks.audit_write", "SQLite"], check=True)
    with postgres_serve(durable=True) as url:
        subprocess.run([sys.executable, "-m", "benchmarks.audit_write", "PostgreSQL", url], check=True)


if __name__ == "__main__":
    main()
