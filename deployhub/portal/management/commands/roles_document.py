"""`manage.py roles_document`: write docs/roles.md again from the tables of access/vocab.py."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from deployhub.access.vocab import (
    ADMINISTRATOR_PERMISSIONS,
    AUDITOR_PERMISSIONS,
    PERMISSIONS,
    ROLE_DESCRIPTIONS,
    ROLE_PERMISSIONS,
    SCOPE_PERMISSIONS,
    Permission,
    Reach,
    Role,
    TokenScope,
)

_INTRODUCTION = """# Roles and permissions

Written by `manage.py roles_document` from `deployhub/access/vocab.py`; a test refuses a difference.

A permission is also the name of the use case that it guards and the action in the audit log. What nobody was given
is refused. An object of a project in which you have no role is answered with 404, as if it did not exist; a verb that
your role lacks is answered with 403. Both doors, the pages and the API, ask the same policy.
"""


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---", "---", *[":-:"] * (len(head) - 2)], *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines) + "\n"


def _mark(held: bool) -> str:
    return "yes" if held else ""


def _of(reach: Reach) -> list[Permission]:
    return [permission for permission in PERMISSIONS.values() if permission.reach is reach]


def roles_markdown() -> str:
    """The whole of docs/roles.md."""
    parts = [_INTRODUCTION, "## Roles in a project\n"]
    parts.append(_table(["Role", "In short"], [[r.label, ROLE_DESCRIPTIONS[r]] for r in Role]))
    parts.append(
        "An administrator may do everything that any role may, in every project. An auditor sees everything.\n\n"
        "Owners may make roles of the project's own from the permissions below, but for the making of roles and the viewing\n"
        "as one; each holds `project.view`, and none holds more than its maker. Memberships of any role may have an end.\n"
    )
    parts.append(
        _table(
            ["Permission", "What", *[r.label for r in Role], "Auditor"],
            [
                [
                    f"`{p.code}`",
                    p.label,
                    *[_mark(p.code in ROLE_PERMISSIONS[r]) for r in Role],
                    _mark(p.code in AUDITOR_PERMISSIONS),
                ]
                for p in _of(Reach.PROJECT)
            ],
        )
    )
    parts.append("## On the whole instance\n")
    parts.append(
        _table(
            ["Permission", "What", "Administrator", "Auditor"],
            [
                [
                    f"`{p.code}`",
                    p.label,
                    _mark(p.code in ADMINISTRATOR_PERMISSIONS),
                    _mark(p.code in AUDITOR_PERMISSIONS),
                ]
                for p in _of(Reach.INSTANCE)
            ],
        )
    )
    parts.append("## Everybody, on what is their own\n")
    parts.append(_table(["Permission", "What"], [[f"`{p.code}`", p.label] for p in _of(Reach.SELF)]))
    parts.append("## Everybody who is signed in\n")
    parts.append(_table(["Permission", "What"], [[f"`{p.code}`", p.label] for p in _of(Reach.ANYONE)]))
    parts.append("## Scopes of an API token\n")
    parts.append(
        "A token may do what both its scopes and its owner's roles allow. No scope holds the password, the second\n"
        "factor or tokens themselves: a token that leaks can neither make another nor lock its owner out.\n"
    )
    parts.append(
        _table(
            ["Scope", "Permissions"],
            [
                [TokenScope(scope).label, ", ".join(f"`{code}`" for code in PERMISSIONS if code in codes)]
                for scope, codes in SCOPE_PERMISSIONS.items()
            ],
        )
    )
    return "\n".join(parts)


class Command(BaseCommand):
    help = "Write docs/roles.md from the tables of roles and permissions."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--check", action="store_true", help="write nothing; fail when the file differs")

    def handle(self, *args: Any, **options: Any) -> None:
        path = settings.BASE_DIR / "docs" / "roles.md"
        text = roles_markdown()
        if not options["check"]:
            path.write_text(text, encoding="utf-8")
            self.stdout.write(f"Wrote {path}.")
        elif not path.is_file() or path.read_text(encoding="utf-8") != text:
            self.stderr.write("docs/roles.md differs from access/vocab.py: run manage.py roles_document")
            raise SystemExit(1)
