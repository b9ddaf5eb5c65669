"""What the audit floor costs: a use case's write against the same write with the floor switched off (here only).

Both write the same row in one transaction after the same policy check. Without the floor, `save` is Django's own
and no event is written. Run on PostgreSQL with durable commits as a default installation has them, and on SQLite.
"""

from __future__ import annotations

import itertools
import subprocess
import sys

from benchmarks.stage import django_staged
from benchmarks.table import Row, median, milliseconds, row_print

RUNS = 400
AIM = 1.3


def measure(label: str) -> None:
    from django.db import models, transaction

    from deployhub.access import policy
    from deployhub.accounts.models import User
    from deployhub.audit.scope import system_scope
    from deployhub.kernel.actor import Actor, ActorKind, Door
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

    # Turn by turn, so that a drift of the machine meets both alike.
    with_floor, without_floor = [], []
    for _ in range(5):
        with_floor += milliseconds(audited, runs=RUNS // 5)
        without_floor += milliseconds(bare, runs=RUNS // 5)
    ours, peer = median(with_floor), median(without_floor)
    row_print(
        Row(
            f"Audited write, {label}",
            f"{ours:.2f} ms",
            f"{peer:.2f} ms without the audit floor",
            ours / peer,
            f"at most {AIM}",
            ours / peer <= AIM,
        )
    )


def main() -> None:
    if len(sys.argv) > 1:
        with django_staged(sys.argv[2] if len(sys.argv) > 2 else ""):
            measure(sys.argv[1])
        return
    from tests.servers import postgres_serve

    subprocess.run([sys.executable, "-m", "benchmarks.audit_write", "SQLite"], check=True)
    with postgres_serve(durable=True) as url:
        subprocess.run([sys.executable, "-m", "benchmarks.audit_write", "PostgreSQL", url], check=True)


if __name__ == "__main__":
    main()
