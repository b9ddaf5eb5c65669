"""Base classes of HTML pages. A page names its permission, or says that it is public; it never decides by itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from django.contrib import messages
from django.db.models import QuerySet
from django.forms import BaseForm
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.views import View
from django_filters import FilterSet

from deployhub.access import policy
from deployhub.doors.keyset import NEWEST_FIRST, keyset_page
from deployhub.kernel.actor import Actor
from deployhub.kernel.errors import DeployHubError, InvalidInput


class Page(View):
    """A page behind a permission.

    `permission` is asked for without an object before anything is read; what the page shows comes from selectors,
    which are scoped to the actor, and what it does goes through use cases, which ask again with the object.
    """

    permission: ClassVar[str] = ""
    public: ClassVar[bool] = False
    template_name: ClassVar[str] = ""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not self.public:
            policy.require(self.actor, self.permission)
        return super().dispatch(request, *args, **kwargs)

    @property
    def actor(self) -> Actor:
        return self.request.actor  # type: ignore[attr-defined]

    def context(self, **extra: Any) -> dict[str, Any]:
        return extra

    def page(self, *, status: int = 200, template: str = "", **extra: Any) -> HttpResponse:
        return render(self.request, template or self.template_name, self.context(**extra), status=status)


class ListPage(Page):
    """A list with filters, sort and keyset pagination; the FilterSet is the API's."""

    filterset_class: ClassVar[type[FilterSet]]
    sorts: ClassVar[Sequence[str]] = ()
    newest_first: ClassVar[tuple[str, ...]] = NEWEST_FIRST
    rows_template: ClassVar[str] = ""

    def queryset(self) -> QuerySet:
        raise NotImplementedError

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        filterset = self.filterset_class(request.GET, queryset=self.queryset(), request=request)
        if not filterset.is_valid():
            return self.page(filterset=filterset, listing=None, status=400)
        listing = keyset_page(request, filterset.qs, sorts=self.sorts, newest_first=self.newest_first)
        partial = bool(
            self.rows_template and request.headers.get("HX-Request") and "HX-Boosted" not in request.headers
        )
        return self.page(template=self.rows_template if partial else "", filterset=filterset, listing=listing)


class FormPage(Page):
    """A form and the use case behind it. An error of the use case comes back in the form; nothing typed is lost."""

    form_class: ClassVar[type[BaseForm]]
    done_message: ClassVar[str] = ""

    def form(self, **kwargs: Any) -> Any:
        return self.form_class(**kwargs)

    def act(self, form: Any) -> str | HttpResponse:
        """Do it. Returns the address to go to, or a response."""
        raise NotImplementedError

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return self.page(form=self.form())

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        form = self.form(data=request.POST, files=request.FILES or None)
        if not form.is_valid():
            return self.page(form=form, status=422)
        try:
            done = self.act(form)
        except DeployHubError as error:
            if error.status in (401, 403, 404, 503):
                raise
            form_errors_add(form, error)
            return self.page(form=form, status=422 if isinstance(error, InvalidInput) else error.status)
        if isinstance(done, HttpResponse):
            return done
        if self.done_message:
            messages.success(request, self.done_message)
        if request.headers.get("HX-Request"):
            return HttpResponse(status=204, headers={"HX-Redirect": done})
        return HttpResponseRedirect(done)


def form_errors_add(form: Any, error: DeployHubError) -> None:
    """Put an error's sentences where they belong in a form."""
    placed = False
    for field, sentences in error.errors.items():
        for sentence in sentences:
            form.add_error(field if field in form.fields else None, sentence)
            placed = True
    if not placed:
        form.add_error(None, f"{error.detail} {error.hint}".strip())
