"""Documentation in place: pages, the interactive API reference, the format catalogue, the style page."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from deployhub.access.vocab import PERMISSIONS, ROLE_DESCRIPTIONS, ROLE_PERMISSIONS, Role
from deployhub.doors.pages import Page
from deployhub.jobs.selectors import catalogue_current
from deployhub.portal.documents import document_html
from deployhub.portal.vocab import DOCUMENTS


class DocumentPage(Page):
    permission = "docs.view"
    template_name = "portal/document.html"

    def get(self, request: HttpRequest, name: str = "architecture") -> HttpResponse:
        return self.page(html=document_html(name), name=name, title=DOCUMENTS[name], documents=DOCUMENTS)


class RolesPage(Page):
    """What each role may do: the table of the code, for people."""

    permission = "docs.view"
    template_name = "portal/roles.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        rows = [
            {
                "label": p.label,
                "code": p.code,
                "allowed": [p.code in ROLE_PERMISSIONS[role] for role in Role.values],
            }
            for p in PERMISSIONS.values()
            if any(p.code in ROLE_PERMISSIONS[role] for role in Role.values)
        ]
        roles = [{"label": Role(role).label, "text": ROLE_DESCRIPTIONS[role]} for role in Role.values]
        return self.page(rows=rows, roles=roles)


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
        formats = catalogue["formats"] if catalogue else []
        return self.page(
            catalogue=catalogue,
            available=[f for f in formats if f["available"]],
            unavailable=[f for f in formats if not f["available"]],
        )


class StylePage(Page):
    """Every component of the design system, alive."""

    permission = "docs.view"
    template_name = "style/page.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.page()
