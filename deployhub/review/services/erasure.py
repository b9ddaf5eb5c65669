"""Erasing a person: their name goes from the account and from the log; what was done stays, and the log verifies."""

from __future__ import annotations

from deployhub.accounts.models import User
from deployhub.accounts.services.users import user_anonymise
from deployhub.audit.scope import audit_scope, touch
from deployhub.audit.services.erasure import events_erase
from deployhub.kernel.actor import Actor
from deployhub.kernel.errors import Conflict, InvalidInput
from deployhub.review.models import AuditExport
from deployhub.review.selectors.retention import events_of_person, holds_on_person
from deployhub.review.services.exports import file_remove
from deployhub.review.vocab import ExportKind
from deployhub.usecase import usecase


@usecase("person.erase", on="user")
def person_erase(*, actor: Actor, user: User, reason: str) -> User:
    """Take the person's name, address and browser out of the log, and close and rename their account.

    Exports that are still there hold copies, so their files go too; archives stay, and the page says so.
    Raises Conflict where a legal hold forbids it, and for oneself; InvalidInput without a reason or with one that
    names them.
    """
    if holds := holds_on_person(user.pk):
        raise Conflict(
            f"A legal hold of {holds[0].created_at:%d %B %Y} covers events of this person, so they cannot be erased.",
            hint="The hold has to be released first, on the page of retention.",
            code="legal_hold",
        )
    said = reason.strip().casefold()
    if not said:
        raise InvalidInput(
            "An erasure needs a reason.", errors={"reason": ["Say who asked for it, and when."]}
        )
    names = [text.casefold() for text in (user.username, user.name, user.email) if len(text) > 2]
    if any(name in said for name in names):
        raise InvalidInput(
            "The reason names the person.", errors={"reason": ["It stays in the log: leave the name out."]}
        )
    # The change of the account names them once more. It is written first, so that the erasure finds it.
    with audit_scope(actor, "person.erase", reason=reason):
        user_anonymise(actor=actor, user=user)
    touch(user)
    events_erase(events_of_person(user.pk), person_id=user.pk)
    for export in (
        AuditExport.objects.filter(kind=ExportKind.EXPORT).exclude(blob=None).select_related("blob")
    ):
        file_remove(export)
    return user
