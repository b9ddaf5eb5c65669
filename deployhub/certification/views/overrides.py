"""Buttons of overrides and approvals; they stand on the artifact's page."""

from __future__ import annotations

from uuid import UUID

from django.urls import reverse

from deployhub.certification import selectors
from deployhub.certification.services import overrides as services
from deployhub.registry import selectors as registry
from deployhub.registry.models import Artifact
from deployhub.registry.views.base import Act


class _OnArtifact(Act):
    def artifact(self, artifact_id: UUID) -> Artifact:
        return registry.artifact_get(self.actor, artifact_id)

    def back(self, *, artifact_id: UUID) -> str:
        return reverse("registry:artifact", args=[artifact_id])

    @property
    def reason(self) -> str:
        return self.request.POST.get("reason", "")[:500]


class OverrideRequest(_OnArtifact):
    permission = "override.request"
    done_message = "Asked. A release manager or owner who did not make the artifact decides."

    def act(self, *, artifact_id: UUID) -> str:
        services.override_request(actor=self.actor, artifact=self.artifact(artifact_id), reason=self.reason)
        return self.back(artifact_id=artifact_id)


class Approve(_OnArtifact):
    permission = "artifact.approve"
    done_message = "Approved for deployment."

    def act(self, *, artifact_id: UUID) -> str:
        services.artifact_approve(actor=self.actor, artifact=self.artifact(artifact_id))
        return self.back(artifact_id=artifact_id)


class ApprovalRemove(_OnArtifact):
    permission = "artifact.approve"
    done_message = "The approval was taken away."

    def act(self, *, artifact_id: UUID) -> str:
        services.artifact_approval_remove(
            actor=self.actor, artifact=self.artifact(artifact_id), reason=self.reason
        )
        return self.back(artifact_id=artifact_id)


class _Decision(Act):
    permission = "override.decide"

    def back(self, *, override_id: UUID) -> str:
        override = selectors.override_get(self.actor, override_id)
        return reverse("registry:artifact", args=[override.artifact_id])

    @property
    def reason(self) -> str:
        return self.request.POST.get("reason", "")[:500]


class OverrideApprove(_Decision):
    done_message = "The override was given. It stands on the artifact's page and in the audit log."

    def act(self, *, override_id: UUID) -> str:
        services.override_approve(
            actor=self.actor, override=selectors.override_get(self.actor, override_id), reason=self.reason
        )
        return self.back(override_id=override_id)


class OverrideDecline(_Decision):
    done_message = "Declined."

    def act(self, *, override_id: UUID) -> str:
        services.override_decline(
            actor=self.actor, override=selectors.override_get(self.actor, override_id), reason=self.reason
        )
        return self.back(override_id=override_id)


class OverrideWithdraw(_Decision):
    permission = "override.request"
    done_message = "The request was withdrawn."

    def act(self, *, override_id: UUID) -> str:
        services.override_withdraw(actor=self.actor, override=selectors.override_get(self.actor, override_id))
        return self.back(override_id=override_id)
