"""`manage.py demo_load`: load the demo project (also `make demo`)."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from deployhub.accounts.models import User
from deployhub.jobs.selectors import workers_alive
from deployhub.kernel.actor import Actor, ActorKind, Door
from deployhub.kernel.errors import DeployHubError
from deployhub.portal.services import demo_load


class Command(BaseCommand):
    help = "Load the demo project: a trained YOLOv8n, its evaluation and calibration sets."

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(is_administrator=True, is_active=True).order_by("created_at").first()
        if user is None:
            raise CommandError("There is no administrator yet. Run `make run` once; it creates one.")
        actor = Actor(
            kind=ActorKind.USER,
            name=user.audit_label(),
            door=Door.COMMAND,
            user_id=user.pk,
            is_administrator=True,
        )
        try:
            project = demo_load(actor=actor)
        except DeployHubError as error:
            raise CommandError(f"{error.detail} {error.hint}".strip()) from error
        self.stdout.write(f"The demo project is loaded: {project.name}, owned by {user}.")
        if not workers_alive().exists():
            self.stdout.write("No worker is running: its model is inspected when one starts (make run).")
