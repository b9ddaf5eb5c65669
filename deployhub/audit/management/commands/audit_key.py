"""The signing key of the audit log: show, rotate, go on without a lost one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from deployhub.audit.sealing.keys import SigningKeyError
from deployhub.audit.selectors.proofs import keys_all
from deployhub.audit.services.keys import key_replace_lost, key_rotate
from deployhub.audit.services.sealer import log_seal


class Command(BaseCommand):
    help = "Show the keys that signed the audit log, exchange the present one, or go on after its loss."

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        verbs.add_parser("list", help="every key and its statement of succession, as JSON")
        rotate = verbs.add_parser("rotate", help="a new key, endorsed by the present one")
        rotate.add_argument("--reason", default="rotated", help="why; it stands in the statement")
        rotate.add_argument(
            "--previous", type=Path, help="the old key's file, where DEPLOYHUB_AUDIT_KEY is the new one"
        )
        succeed = verbs.add_parser("succeed", help="go on with a new key that the old one cannot endorse")
        succeed.add_argument("--lost", action="store_true", required=True, help="yes, the old key is lost")
        succeed.add_argument(
            "--reason", required=True, help="what happened; it stands in the statement for ever"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["verb"] == "list":
            self.stdout.write(json.dumps(keys_all(), indent=2, default=str))
            return
        try:
            if options["verb"] == "rotate":
                log_seal()
                previous = options["previous"].read_bytes() if options["previous"] else None
                row = key_rotate(note=options["reason"], previous_pem=previous)
            else:
                row = key_replace_lost(note=options["reason"])
        except (SigningKeyError, OSError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(
            f"The log is signed with key {row.key_id} from now on. Public key: {row.public_key}"
        )
        if not row.previous_signature:
            self.stdout.write(
                self.style.WARNING("Succession without signature: every verification will tell of it.")
            )
