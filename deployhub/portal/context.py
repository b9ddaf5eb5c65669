"""What every page shows around its content. Replaced in the portal's own room."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest


def shell(request: HttpRequest) -> dict[str, Any]:
    return {"nav": [], "projects": [], "current_project": None, "theme": request.COOKIES.get("theme", "system")}
