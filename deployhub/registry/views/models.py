"""Pages of registered models."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from deployhub.access.duties import is_other_than
from deployhub.access.vocab import RequestState
from deployhub.doors.keyset import keyset_page
from deployhub.doors.pages import FormPage, Page
from deployhub.kernel.errors import InvalidInput
from deployhub.registry import selectors
from deployhub.registry.filters import ModelFilter
from deployhub.registry.forms import AliasForm, ModelEditForm, ModelNewForm
from deployhub.registry.models import AliasRequest, ModelVersion, RegisteredModel
from deployhub.registry.services import approvals
from deployhub.registry.services import models as services
from deployhub.registry.views.base import Act, RegistryList, history_of, project_chosen
from deployhub.registry.vocab import Task, VersionState

REQUESTS_SHOWN = 10


class ModelList(RegistryList):
    permission = "model.view"
    template_name = "registry/models.html"
    filterset_class = ModelFilter
    sorts = ("name", "id")

    def queryset(self) -> QuerySet:
        return selectors.models_listed(self.actor)

    def context(self, **extra: Any) -> dict[str, Any]:
        return {**extra, "tasks": Task.choices}


class ModelNew(FormPage):
    permission = "model.create"
    template_name = "registry/model_new.html"
    form_class = ModelNewForm
    done_message = "The model was registered. Upload its first version."

    def context(self, **extra: Any) -> dict[str, Any]:
        return {
            **extra,
            "project": project_chosen(self.request, self.actor, self.permission),
            "choices": selectors.projects_for(self.actor, self.permission),
        }

    def act(self, form: Any) -> str:
        project = project_chosen(self.request, self.actor, self.permission)
        if project is None:
            raise InvalidInput("Choose a project first.")
        model = services.model_create(actor=self.actor, project=project, **form.cleaned_data)
        return reverse("registry:model", args=[model.pk])


class ModelPage(Page):
    permission = "model.view"
    template_name = "registry/model.html"

    def get(self, request: HttpRequest, model_id: UUID) -> HttpResponse:
        model = selectors.model_read(self.actor, model_id)
        tab = request.GET.get("tab", "")
        listing = keyset_page(request, selectors.versions_listed(self.actor).filter(model=model))
        accepted = ModelVersion.objects.filter(model=model, state=VersionState.ACCEPTED).order_by("-id")[:50]
        return self.page(
            model=model,
            tab=tab,
            listing=listing,
            aliases=model.aliases.select_related("version"),
            accepted=accepted,
            requests=self._requests(model),
            history=history_of(self.actor, model) if tab == "history" else None,
        )

    def _requests(self, model: RegisteredModel) -> list[dict[str, Any]]:
        """Requests for the production alias: those that wait first, and whether this person may decide."""
        rows = list(selectors.alias_requests_visible(self.actor).filter(model=model)[:REQUESTS_SHOWN])
        rows.sort(key=lambda row: row.state != RequestState.WAITING)
        return [
            {
                "row": row,
                "waits": row.state == RequestState.WAITING,
                "is_mine": row.requested_by_id == self.actor.user_id,
                "may_decide": is_other_than(
                    self.actor, [row.requested_by_id, *services.makers_of(row.version)]
                ),
            }
            for row in rows
        ]


class ModelEdit(FormPage):
    permission = "model.update"
    template_name = "registry/model_edit.html"
    form_class = ModelEditForm
    done_message = "Saved."

    def form(self, **kwargs: Any) -> Any:
        model = selectors.model_get(self.actor, self.kwargs["model_id"])
        return super().form(initial={"name": model.name, "description": model.description}, **kwargs)

    def context(self, **extra: Any) -> dict[str, Any]:
        return {**extra, "model": selectors.model_get(self.actor, self.kwargs["model_id"])}

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        selectors.model_read(self.actor, kwargs["model_id"])
        return super().get(request, *args, **kwargs)

    def act(self, form: Any) -> str:
        model = selectors.model_get(self.actor, self.kwargs["model_id"])
        services.model_update(actor=self.actor, model=model, **form.cleaned_data)
        return reverse("registry:model", args=[model.pk])


class _AliasAct(Act):
    permission = "model.alias"

    def back(self, **kwargs: Any) -> str:
        return reverse("registry:model", args=[kwargs["model_id"]])


class AliasSet(_AliasAct):
    """Point the alias; where another person has to, ask for it."""

    def act(self, *, model_id: UUID) -> str:
        model = selectors.model_get(self.actor, model_id)
        form = AliasForm(self.request.POST)
        if not form.is_valid():
            raise InvalidInput(
                "The alias was not set.",
                hint=" ".join(e for es in form.errors.values() for e in es),  # type: ignore[misc]
            )
        version = ModelVersion.objects.filter(pk=form.cleaned_data["version"], model=model).first()
        if version is None:
            raise InvalidInput("This model has no such version.", hint="Choose one from the list.")
        name = form.cleaned_data["name"]
        if approvals.approval_needed(self.actor, model, name, version):
            approvals.alias_request_create(
                actor=self.actor,
                model=model,
                name=name,
                version=version,
                reason=self.request.POST.get("reason", "")[:500],
            )
            messages.success(
                self.request, "You made this version, so it waits for another person's approval."
            )
        else:
            services.alias_set(actor=self.actor, model=model, name=name, version=version)
            messages.success(self.request, "The alias was set.")
        return self.back(model_id=model_id)


class AliasAsk(_AliasAct):
    """Ask that the production alias points at a version, for those who may not point it."""

    permission = "alias.request"
    done_message = "Asked. A release manager or owner who did not make the version decides."

    def act(self, *, model_id: UUID) -> str:
        model = selectors.model_get(self.actor, model_id)
        form = AliasForm(self.request.POST)
        version = (
            ModelVersion.objects.filter(pk=form.cleaned_data["version"], model=model).first()
            if form.is_valid()
            else None
        )
        if version is None:
            raise InvalidInput("This model has no such version.", hint="Choose one from the list.")
        approvals.alias_request_create(
            actor=self.actor,
            model=model,
            name=form.cleaned_data["name"],
            version=version,
            reason=self.request.POST.get("reason", "")[:500],
        )
        return self.back(model_id=model_id)


class AliasRemove(_AliasAct):
    done_message = "The alias was removed."

    def act(self, *, model_id: UUID, name: str) -> str:
        services.alias_remove(actor=self.actor, model=selectors.model_get(self.actor, model_id), name=name)
        return self.back(model_id=model_id)


class _AliasDecision(Act):
    permission = "alias.approve"

    def asked(self, request_id: UUID) -> AliasRequest:
        return selectors.alias_request_get(self.actor, request_id)

    def back(self, *, alias_request_id: UUID) -> str:
        return reverse("registry:model", args=[self.asked(alias_request_id).model_id])

    @property
    def reason(self) -> str:
        return self.request.POST.get("reason", "")[:500]


class AliasApprove(_AliasDecision):
    done_message = "Approved. The alias points at the version now."

    def act(self, *, alias_request_id: UUID) -> str:
        approvals.alias_request_approve(
            actor=self.actor, request=self.asked(alias_request_id), reason=self.reason
        )
        return self.back(alias_request_id=alias_request_id)


class AliasDecline(_AliasDecision):
    done_message = "Declined."

    def act(self, *, alias_request_id: UUID) -> str:
        approvals.alias_request_decline(
            actor=self.actor, request=self.asked(alias_request_id), reason=self.reason
        )
        return self.back(alias_request_id=alias_request_id)


class AliasWithdraw(_AliasDecision):
    permission = "alias.request"
    done_message = "The request was withdrawn."

    def act(self, *, alias_request_id: UUID) -> str:
        approvals.alias_request_withdraw(actor=self.actor, request=self.asked(alias_request_id))
        return self.back(alias_request_id=alias_request_id)
