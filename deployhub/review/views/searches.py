"""Saved searches."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import urlencode

from deployhub.doors.pages import FormPage, Page
from deployhub.review.filters import query_kept, query_valid
from deployhub.review.forms.exports import SearchSaveForm
from deployhub.review.selectors.searches import search_get, searches_visible
from deployhub.review.services.searches import search_delete, search_save


class SearchNewPage(FormPage):
    """Give the search in this page's address a name, and see those that have one."""

    permission = "audit.search_save"
    template_name = "review/searches.html"
    form_class = SearchSaveForm

    def form(self, **kwargs: Any) -> SearchSaveForm:
        return SearchSaveForm(query=query_kept(self.request.GET), **kwargs)

    def context(self, **extra: Any) -> dict[str, Any]:
        return {
            "searches": searches_visible(self.actor),
            "query": query_kept(self.request.GET),
            "me": self.actor.user_id,
            **extra,
        }

    def act(self, form: SearchSaveForm) -> str:
        search = search_save(
            actor=self.actor,
            name=form.cleaned_data["name"],
            query=query_valid(form.query),
            shared=form.cleaned_data["shared"],
        )
        messages.success(self.request, f"“{search.name}” is saved.")
        return f"{reverse('review:audit')}?{urlencode(search.query)}"


class SearchDeletePage(Page):
    permission = "audit.search_delete"

    def post(self, request: HttpRequest, search_id: UUID) -> HttpResponse:
        search = search_get(self.actor, search_id)
        search_delete(actor=self.actor, search=search)
        messages.success(request, f"“{search.name}” is deleted.")
        return HttpResponseRedirect(reverse("review:searches"))
