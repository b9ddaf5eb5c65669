"""Documentation in place: pages, the interactive API reference, the format catalogue, the style page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from deployhub.access.vocab import (
    ADMINISTRATOR_PERMISSIONS,
    AUDITOR_PERMISSIONS,
    PERMISSIONS,
    ROLE_DESCRIPTIONS,
    ROLE_PERMISSIONS,
    SCOPE_PERMISSIONS,
    Reach,
    Role,
    TokenScope,
    permission_group,
)
from deployhub.conversion.selectors import queue_announced
from deployhub.doors.pages import Page
from deployhub.jobs.selectors import catalogue_current
from deployhub.portal.documents import document_html
from deployhub.portal.vocab import DOCUMENTS
from deployhub.registry.models import Project
from deployhub.registry.selectors import custom_roles_of, projects_visible
from deployhub.toolchains.selectors import toolchains_listed


class DocumentPage(Page):
    permission = "docs.view"
    template_name = "portal/document.html"

    def get(self, request: HttpRequest, name: str = "architecture") -> HttpResponse:
        return self.page(html=document_html(name), name=name, title=DOCUMENTS[name], documents=DOCUMENTS)


class RolesPage(Page):
    """What a role may do and what not, in words; two roles side by side; which token scope carries what."""

    permission = "docs.view"
    template_name = "portal/roles.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        project = self._project(request.GET.get("project", ""))
        roles = roles_shown(project)
        by_key = {role.key: role for role in roles}
        chosen = by_key.get(request.GET.get("role", ""))
        other = by_key.get(request.GET.get("with", ""))
        return self.page(
            roles=roles,
            project=project,
            chosen=chosen,
            other=other if chosen and other is not chosen else None,
            groups=_groups([chosen, other] if chosen and other else [chosen] if chosen else roles),
            choices=[(role.key, role.label) for role in roles],
            scopes=[
                (TokenScope(s).label, [PERMISSIONS[c].label for c in PERMISSIONS if c in codes])
                for s, codes in SCOPE_PERMISSIONS.items()
            ],
        )

    def _project(self, slug: str) -> Project | None:
        return projects_visible(self.actor).filter(slug=slug).first() if slug else None


@dataclass(frozen=True, slots=True)
class RoleShown:
    key: str
    label: str
    text: str
    permissions: frozenset[str]


def roles_shown(project: Project | None) -> list[RoleShown]:
    """Every role by its key: the built-in ones, a project's own, and the two of the whole instance."""
    found = [
        RoleShown(role, Role(role).label, ROLE_DESCRIPTIONS[role], ROLE_PERMISSIONS[role])
        for role in Role.values
    ]
    if project is not None:
        found += [
            RoleShown(role.slug, role.name, role.description, frozenset(role.permissions))
            for role in custom_roles_of(project)
        ]
    everything = "Everything in every project, accounts and the system"
    sees = "Sees all, the audit log included; changes and downloads nothing"
    return [
        *found,
        RoleShown("administrator", "Administrator", everything, ADMINISTRATOR_PERMISSIONS),
        RoleShown("auditor", "Auditor", sees, AUDITOR_PERMISSIONS),
    ]


def _groups(roles: list[RoleShown]) -> list[dict[str, Any]]:
    """The permissions that roles decide about, under their headings, with a yes or no for each role."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for code, known in PERMISSIONS.items():
        if known.reach not in (Reach.PROJECT, Reach.INSTANCE):
            continue
        row: dict[str, Any] = {
            "label": known.label,
            "code": code,
            "allowed": [(role.label, code in role.permissions) for role in roles],
            "scopes": [TokenScope(s).name.lower() for s, codes in SCOPE_PERMISSIONS.items() if code in codes],
        }
        row["differs"] = len({held for _, held in row["allowed"]}) > 1
        groups.setdefault(permission_group(code), []).append(row)
    return [
        {
            "label": label,
            "rows": rows,
            "can": [row for row in rows if row["allowed"][0][1]],
            "cannot": [row for row in rows if not row["allowed"][0][1]],
        }
        for label, rows in groups.items()
    ]


class ApiDocsPage(Page):
    """Swagger UI, served from this machine, under the strict content security policy."""

    permission = "docs.view"
    template_name = "portal/api_docs.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.page(schema_url=reverse("openapi"))


class FormatsPage(Page):
    permission = "format.view"
    template_name = "portal/formats.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        catalogue = catalogue_current()
        states = {face.declared.key: face.state for face in toolchains_listed(self.actor)}
        formats = [
            {**entry, "state": _format_state(entry, states), "obstacle": entry.get("unavailable_reason", "")}
            for entry in (catalogue or {}).get("formats", [])
        ]
        return self.page(catalogue=catalogue, formats=formats)


def _format_state(entry: dict[str, Any], states: dict[str, str]) -> str:
    """Ready, building, failed, built on first use, or not available here."""
    if not entry["available"]:
        return "ready" if queue_announced(entry) else "needs"
    state = states.get(entry.get("toolchain", "main"), "ready")
    return "declared" if state == "missing" else state


class StylePage(Page):
    """Every component of the design system, alive."""

    permission = "docs.view"
    template_name = "style/page.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.page()
