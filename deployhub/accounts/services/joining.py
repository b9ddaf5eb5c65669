"""Accepting an invitation: with an account that one has, or by making one.

Whoever holds the code holds the invitation, and nothing else: it names no account, and signs nobody in. What was
promised is given only if the person who promised it could still give it now.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils.crypto import constant_time_compare

from deployhub.access import policy
from deployhub.access.models import CustomRole, Membership
from deployhub.access.vocab import CUSTOM, Role
from deployhub.accounts.models import Invitation, User
from deployhub.accounts.selectors import actor_of_account
from deployhub.accounts.selectors.ownership import projects_all
from deployhub.accounts.services.attempts import address_attempt_begin, address_key, attempt_give_back
from deployhub.accounts.services.invitations import CODE_PREFIX, code_digest
from deployhub.accounts.services.letters import letter_send
from deployhub.accounts.services.passwords import password_check_strength
from deployhub.accounts.vocab import InvitationState
from deployhub.audit.scope import audit_scope, event_record, touch
from deployhub.audit.vocab import Operation, Outcome
from deployhub.kernel.actor import Actor
from deployhub.kernel.clock import utc_now
from deployhub.kernel.errors import Conflict, InvalidInput
from deployhub.usecase import usecase

_CODE = re.compile(rf"^{CODE_PREFIX}([0-9a-f]{{32}})_[A-Za-z0-9_-]{{43}}$")
NOT_GOOD = "This invitation does not exist, was used or taken back, or its time is over."
_HINT = "Ask whoever invited you for a new link."
TAKEN = "An account with this name exists already."


@dataclass(slots=True)
class Promise:
    """What an invitation gives now, and what it does not any more."""

    granted: list[str] = field(default_factory=list)
    withheld: list[str] = field(default_factory=list)
    gives_role: bool = False
    """Whether the role in the project is among what is granted."""
    opens: bool = True
    """Whether it may still make an account."""


def invitation_open(*, actor: Actor, code: str) -> Invitation:
    """The invitation of this code, which is not spent by looking. Counted as an attempt before it is judged.

    Raises InvalidInput, in the same words for whatever is wrong with it, and RateLimited.
    """
    address_attempt_begin(actor.address)
    found = _CODE.match(code.strip())
    row = Invitation.objects.filter(pk=UUID(found[1])).first() if found is not None else None
    known = row.digest if row is not None else "0" * 64
    right = constant_time_compare(known, code_digest(code.strip()))
    if row is None or not right or not row.is_open:
        event_record(
            actor,
            "invitation.accept",
            row,
            operation=Operation.EVENT,
            outcome=Outcome.FAILED,
            reason="no such code"
            if not right
            else f"the invitation is {row.shown_state if row else 'unknown'}",
        )
        raise InvalidInput(NOT_GOOD, hint=_HINT, errors={"code": [NOT_GOOD]})
    attempt_give_back(address_key(actor.address))
    return row


def invitation_held(*, invitation_id: str, digest: str) -> Invitation | None:
    """The invitation that a session holds since its code was shown, if it is still open under that very code."""
    rows = Invitation.objects.select_related("project", "invited_by").filter(pk=invitation_id)
    row = rows.first()
    if row is None or not row.is_open or not constant_time_compare(row.digest, digest):
        return None
    return row


def promise_of(invitation: Invitation) -> Promise:
    """What it gives at this moment: no more than who invited could still give."""
    inviter, promise = invitation.invited_by, Promise()
    if inviter is None or not inviter.is_active:
        who = inviter.display_name if inviter is not None else "Whoever invited you"
        promise.withheld = [
            f"{label}: {who} is not active any more" for label in invitation.gives or ["An account"]
        ]
        promise.opens = False
        return promise
    actor = actor_of_account(inviter)
    for held, label in ((invitation.is_administrator, "Administrator"), (invitation.is_auditor, "Auditor")):
        if held and inviter.is_administrator:
            promise.granted.append(label)
        elif held:
            promise.withheld.append(f"{label}: {inviter.display_name} is no administrator any more")
    if invitation.project is not None:
        project_id = invitation.project.pk
        label = f"{invitation.role_label} of {invitation.project.name}"
        grant = policy.role_find(project_id, invitation.role)
        if grant is None or invitation.project.archived_at is not None:
            promise.withheld.append(f"{label}: there is no such role or project any more")
        elif grant.permissions - policy.held_in(actor, project_id) or not policy.can(
            actor, "member.invite", invitation
        ):
            promise.withheld.append(f"{label}: {inviter.display_name} may not give this role any more")
        else:
            promise.granted.append(label)
            promise.gives_role = True
    promise.opens = inviter.is_administrator or bool(promise.granted)
    return promise


@usecase("invitation.accept")
def invitation_accept(*, actor: Actor, invitation: Invitation) -> Promise:
    """Add what it gives to one's own account. A global role asks to sign in again."""
    user = User.objects.select_for_update().get(pk=actor.user_id)
    promise = _take(invitation, user)
    if promise.granted:
        _grant(invitation, user, promise)
        policy.roles_forget(actor)
    touch(user, invitation=str(invitation.pk))
    return promise


def invitation_join(
    *, actor: Actor, invitation: Invitation, username: str, name: str, new_password: str
) -> tuple[User | None, Promise]:
    """Make an account for who has none, with what the invitation gives. Nobody is signed in by it.

    Returns no account where whoever invited may not invite any more. Raises InvalidInput, Conflict.
    """
    user = User(username=User.normalize_username(username), name=name.strip(), email=invitation.email)
    if not promise_of(invitation).opens:
        with transaction.atomic(), audit_scope(actor, "invitation.accept"):
            return None, _take(invitation, None)
    password_check_strength(user=user, password=new_password)
    user.set_password(new_password)
    user.clean_fields()
    taken = InvalidInput(TAKEN, errors={"username": [TAKEN]})
    if User.objects.filter(username__iexact=user.username).exists():
        raise taken
    try:
        with transaction.atomic(), audit_scope(actor, "invitation.accept"):
            user.save(force_insert=True)
            promise = _take(invitation, user)
            _grant(invitation, user, promise)
    except IntegrityError as error:
        raise taken from error
    return user, promise


def _take(invitation: Invitation, user: User | None) -> Promise:
    """Spend the invitation; of two who bring it at once, one gets it."""
    promise = promise_of(invitation)
    used = promise.granted or (user is not None and promise.opens)
    open_row = Invitation.objects.filter(
        pk=invitation.pk, state=InvitationState.PENDING, digest=invitation.digest, expires_at__gt=utc_now()
    )
    if not open_row.compare_and_set(
        state=InvitationState.ACCEPTED if used else InvitationState.NOT_GRANTED,
        accepted_by=user,
        accepted_at=utc_now(),
        withheld="; ".join(promise.withheld)[:300],
    ):
        raise Conflict(NOT_GOOD, hint=_HINT)
    invitation.refresh_from_db()
    if promise.withheld and invitation.invited_by is not None and invitation.invited_by.is_active:
        inviter = invitation.invited_by
        text = f"Your invitation ({invitation}) was brought, and not all of it was granted:\n\n{invitation.withheld}\n"
        transaction.on_commit(
            lambda: letter_send(to=inviter.email, subject="an invitation was not granted", text=text) and None
        )
    return promise


def _grant(invitation: Invitation, user: User, promise: Promise) -> None:
    """Give what is granted; a role that holds all of it already stays."""
    changed = []
    for column, label in (("is_administrator", "Administrator"), ("is_auditor", "Auditor")):
        if label in promise.granted and not getattr(user, column):
            setattr(user, column, True)
            changed.append(column)
    if changed:
        user.sessions_end()
        user.save(update_fields=[*changed, "session_stamp"])
    if invitation.project is None or not promise.gives_role:
        return
    projects_all().select_for_update().get(pk=invitation.project_id)
    custom = CustomRole.objects.filter(project=invitation.project, slug=invitation.role).first()
    held = Membership.objects.filter(project=invitation.project, user=user).first()
    membership = held or Membership(project=invitation.project, user=user)
    before = frozenset() if held is None or held.has_ended else held.permissions
    lasting = held is not None and not held.has_ended and held.expires_at is None
    ends_at = utc_now() + timedelta(days=invitation.role_days) if invitation.role_days else None
    builtin = invitation.role in Role.values
    after = Membership(
        role=invitation.role if builtin else CUSTOM, custom_role=None if builtin else custom
    ).permissions
    if after <= before and (lasting or ends_at is not None):
        return
    if before - after or (lasting and ends_at is not None):
        raise Conflict(
            "You have another role in this project, and this invitation would take some of it away.",
            hint="Ask an owner of the project to change your role.",
        )
    membership.role = invitation.role if builtin else CUSTOM
    membership.custom_role = None if builtin else custom
    membership.expires_at = ends_at
    membership.save()
