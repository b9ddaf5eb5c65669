"""Verify the whole audit log against its seal and the copies outside."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from deployhub.audit.models import AuditKey
from deployhub.audit.sealing.keys import SigningKeyError, public_bytes, signing_key
from deployhub.audit.selectors.findings import Verification
from deployhub.audit.selectors.verification import log_verify

SHOWN = 20


class Command(BaseCommand):
    help = (
        "Verify the audit log. Exit code 0: it holds; 1: it was tampered with; 2: it could not be verified."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--key", help="the trusted public key in hex; without it, that of this host's signing key"
        )
        parser.add_argument(
            "--witness", type=Path, help="the file of copies; without it, DEPLOYHUB_AUDIT_WITNESS_FILE"
        )
        parser.add_argument("--json", action="store_true", help="the result as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        witness = options["witness"] or Path(settings.DEPLOYHUB_AUDIT_WITNESS_FILE)
        try:
            trusted = options["key"] or public_bytes(signing_key(make=False).public_key()).hex()
            if len(bytes.fromhex(trusted)) != 32:
                raise ValueError
        except SigningKeyError as error:
            if not AuditKey.objects.exists():
                raise CommandError("Nothing was sealed yet.", returncode=2) from error
            raise CommandError(f"{error} Give the trusted public key with --key.", returncode=2) from error
        except ValueError:
            raise CommandError("--key must be 64 hex digits: the public key.", returncode=2) from None
        result = log_verify(trusted_key=trusted, witness_file=witness)
        if options["json"]:
            self.stdout.write(json.dumps({"holds": result.holds, **asdict(result)}, indent=2))
        else:
            self._tell(result, trusted)
        if not result.holds:
            sys.exit(1)

    def _tell(self, result: Verification, trusted: str) -> None:
        self.stdout.write(
            f"{result.events} events, {result.pruned} pruned, {result.erased} erased in part; {result.checkpoints} "
            f"checkpoints, {result.copies} copies outside; {result.unsealed} not sealed yet; {result.seconds:.1f} s"
        )
        self.stdout.write(f"Trusted key: {trusted}")
        for warning in result.warnings:
            self.stdout.write(self.style.WARNING(f"Warning: {warning}."))
        if result.holds:
            self.stdout.write(self.style.SUCCESS("The audit log is as it was sealed."))
            return
        first = result.first
        if first is not None and first.event_id is not None:
            self.stdout.write(self.style.ERROR(f"First bad event: {first.event_id}"))
        for finding in result.findings[:SHOWN]:
            self.stdout.write(f"  {finding.text}.")
        if result.finding_count > SHOWN:
            self.stdout.write(f"  … and {result.finding_count - SHOWN} more.")
        self.stdout.write(
            self.style.ERROR(
                "The audit log was tampered with. Change nothing; see docs/operations.md, When verify alarms."
            )
        )
