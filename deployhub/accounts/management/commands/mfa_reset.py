"""`manage.py mfa_reset USERNAME`: for an installation whose administrators cannot help each other."""

from __future__ import annotations

import getpass
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from deployhub.accounts.services.resets import mfa_reset_at_console
from deployhub.kernel.errors import DeployHubError


class Command(BaseCommand):
    help = "Remove a person's second factors, sessions and tokens, and print a one-time password."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username", help="name of the account")
        parser.add_argument("--reason", default="", help="why; it stands in the audit log")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            operating_user = getpass.getuser()
        except (KeyError, OSError):  # a user id without a name, as in a container
            operating_user = "a user without a name"
        try:
            user, password = mfa_reset_at_console(
                username=options["username"], reason=options["reason"], operating_user=operating_user
            )
        except DeployHubError as error:
            raise CommandError(f"{error.detail} {error.hint}".strip()) from error
        self.stdout.write(f"One-time password of {user.username}: {password}")
        self.stdout.write("It works for 72 hours. Second factors, sessions and API tokens have ended.")
