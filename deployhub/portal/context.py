"""What every page shows around its content: navigation, projects, theme."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import SimpleLazyObject
from django.utils.http import urlencode

from deployhub import __version__
from deployhub.access import policy
from deployhub.kernel.actor import Actor
from deployhub.portal import selectors
from deployhub.portal.vocab import NAVIGATION, THEMES
from deployhub.registry.models import Project
from deployhub.review.selectors.findings import findings_open_count


def project_current(request: HttpRequest, actor: Actor) -> Project | None:
    """The project of the switcher: `?project=` on any page sets it, an empty one clears it."""
    if "project" in request.GET:
        slug = request.GET["project"]
        if request.session.get("project", "") != slug:
            request.session["project"] = slug
    slug = request.session.get("project", "")
    if not slug:
        return None
    return selectors.projects_of(actor).filter(slug=slug).first()


def _badge(view: str, actor: Actor, project: Project | None) -> int | str:
    """The count beside an entry: live jobs, open findings."""
    if view == "jobs:jobs":
        return selectors.jobs_live_count(actor, project) or ""
    if view == "review:findings":
        return findings_open_count(actor) or ""
    return ""


def _navigation(request: HttpRequest, actor: Actor, project: Project | None) -> list[dict[str, Any]]:
    query = f"?{urlencode({'project': project.slug})}" if project else ""
    items = []
    for entry in NAVIGATION:
        if not policy.can(actor, entry.permission):
            continue
        url = reverse(entry.view)
        active = request.path == url if url == "/" else request.path.startswith((url, *entry.also))
        items.append(
            {
                "label": entry.label,
                "url": url + (query if entry.of_project else ""),
                "icon": entry.icon,
                "section": entry.section,
                "active": active,
                "badge": _badge(entry.view, actor, project),
            }
        )
    return items


def shell(request: HttpRequest) -> dict[str, Any]:
    """Context processor. Nothing is read before a template asks for it."""
    theme = request.COOKIES.get("__Host-theme") or request.COOKIES.get("theme", "system")
    shared: dict[str, Any] = {
        "theme": theme if theme in THEMES else "system",
        "instance": {"version": __version__, "name": settings.DEPLOYHUB_INSTANCE_NAME},
    }
    actor = getattr(request, "actor", None)
    if actor is None or actor.is_anonymous or request.headers.get("HX-Target", "").startswith("live-"):
        return {**shared, "nav": [], "projects": [], "current_project": None}
    current = SimpleLazyObject(lambda: project_current(request, actor))
    return {
        **shared,
        "nav": SimpleLazyObject(lambda: _navigation(request, actor, project_current(request, actor))),
        "projects": SimpleLazyObject(
            lambda: [
                {
                    "name": p.name,
                    "slug": p.slug,
                    "url": f"{reverse('portal:dashboard')}?{urlencode({'project': p.slug})}",
                }
                for p in selectors.projects_of(actor)[:50]
            ]
        ),
        "current_project": current,
    }
