"""`manage.py setup_first_run`: the first administrator. One JSON line on stdout, nothing else."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand

from deployhub.accounts.services.passwords import FIRST_USERNAME, first_administrator_create


class Command(BaseCommand):
    help = "Create the administrator with a one-time password, where there is no account yet."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        password = first_administrator_create()
        answer: dict[str, Any] = {"created": password is not None}
        if password is not None:
            answer.update(username=FIRST_USERNAME, password=password)
        self.stdout.write(json.dumps(answer))
