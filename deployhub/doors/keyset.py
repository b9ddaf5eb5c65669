"""Keyset pagination: one for the API and the pages. A page costs the same at row 100 and at row 100,000."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from django.db.models import QuerySet
from django.http import HttpRequest
from rest_framework.exceptions import NotFound as CursorNotFound
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request

from deployhub.kernel.errors import InvalidInput

PAGE_SIZE = 50
PAGE_SIZE_MAX = 200
NEWEST_FIRST: tuple[str, ...] = ("-id",)
"""The order without a `sort`: ids of version 7 grow with time. A view whose ids do not names its own `newest_first`."""


class KeysetPagination(CursorPagination):
    """`?limit=` rows, `?sort=` one of the view's `sorts` (a leading `-` turns it round), `?cursor=` from a link."""

    page_size = PAGE_SIZE
    max_page_size = PAGE_SIZE_MAX
    page_size_query_param = "limit"
    cursor_query_param = "cursor"
    ordering: Any = NEWEST_FIRST

    def get_ordering(self, request: Request, queryset: QuerySet, view: Any) -> tuple[str, ...]:
        sorts: Sequence[str] = getattr(view, "sorts", ())
        default: tuple[str, ...] = getattr(view, "newest_first", NEWEST_FIRST)
        return ordering_of(request.query_params.get("sort", ""), sorts, default)

    def paginate_queryset(self, queryset: QuerySet, request: Request, view: Any = None) -> list[Any] | None:
        try:
            return super().paginate_queryset(queryset, request, view)
        except (CursorNotFound, ValueError, OverflowError) as error:
            raise InvalidInput(
                "The cursor is not valid.",
                hint="Start again without a cursor.",
                errors={"cursor": ["Not valid."]},
            ) from error


def ordering_of(sort: str, sorts: Sequence[str], default: tuple[str, ...] = NEWEST_FIRST) -> tuple[str, ...]:
    """The ORDER BY for a `sort` that was asked for; always ends in the id, so that it is total."""
    name = sort.removeprefix("-")
    if name not in sorts:
        return default
    return (sort, "-id" if sort.startswith("-") else "id")


@dataclass(frozen=True, slots=True)
class KeysetPage:
    """What a list template needs: rows, the neighbours' query strings, and the present sort."""

    rows: list[Any]
    next_query: str
    previous_query: str
    sort: str


def keyset_page(
    request: HttpRequest,
    queryset: QuerySet,
    *,
    sorts: Sequence[str] = (),
    newest_first: tuple[str, ...] = NEWEST_FIRST,
) -> KeysetPage:
    """One page of `queryset` for an HTML list."""

    class _View:
        pass

    view: Any = _View()
    view.sorts = sorts
    view.newest_first = newest_first
    paginator = KeysetPagination()
    rows = paginator.paginate_queryset(queryset, Request(request), view) or []
    return KeysetPage(
        rows=list(rows),
        next_query=_query(paginator.get_next_link()),
        previous_query=_query(paginator.get_previous_link()),
        sort=request.GET.get("sort", ""),
    )


def _query(link: str | None) -> str:
    return f"?{urlsplit(link).query}" if link else ""
