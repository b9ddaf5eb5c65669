"""The seal over the audit log: how far it is sealed, with which key, who keeps copies; and the proof of an event."""

from __future__ import annotations

import json

from django.http import HttpRequest, HttpResponse

from deployhub.audit.scope import event_record
from deployhub.audit.selectors import events_all, proofs
from deployhub.doors.pages import Page
from deployhub.kernel.errors import NotFound

CHECKPOINTS_SHOWN = 20


class SealPage(Page):
    permission = "audit.view"
    template_name = "review/seal.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        count, age = proofs.unsealed()
        keys = proofs.keys_all()
        shown = self.page(
            latest=proofs.checkpoint_latest(),
            checkpoints=proofs.checkpoints_all()[:CHECKPOINTS_SHOWN],
            unsealed=count,
            unsealed_s=round(age.total_seconds()),
            faults=proofs.seal_faults(),
            state=proofs.seal_state(),
            witnesses=proofs.witnesses(),
            keys=keys[::-1],
            public_key=keys[-1]["public_key"] if keys else "",
        )
        event_record(self.actor, "audit.view", facts={"page": [None, "seal"]})
        return shown


class ProofFile(Page):
    """The proof of one event as a file, for `deployhub-audit-verify`."""

    permission = "audit.view"

    def get(self, request: HttpRequest, event_id: int) -> HttpResponse:
        event = events_all().filter(pk=event_id).first() if event_id < 2**63 else None
        if event is None:
            raise NotFound("There is no such event.")
        proof = json.dumps(proofs.inclusion_proof(event), indent=2, ensure_ascii=False)
        event_record(self.actor, "audit.view", facts={"proof": [None, event_id]})
        return HttpResponse(
            proof + "\n",
            content_type="application/json",
            headers={"Content-Disposition": f'attachment; filename="deployhub-event-{event_id}-proof.json"'},
        )
