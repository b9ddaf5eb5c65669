"""Invitations: made by who may give what they hold out, taken back, and given a new link."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta
from typing import Any
from urllib.parse import urljoin
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.urls import reverse

from deployhub.access import policy
from deployhub.access.vocab import PERMISSIONS
from deployhub.accounts.models import Invitation
from deployhub.accounts.services.letters import letter_send
from deployhub.accounts.vocab import INVITATION_DAYS_DEFAULT, INVITATION_DAYS_MAX, InvitationState
from deployhub.audit.scope import touch
from deployhub.kernel.actor import Actor
from deployhub.kernel.clock import utc_now
from deployhub.kernel.errors import Conflict, Forbidden, InvalidInput
from deployhub.kernel.ids import new_id
from deployhub.usecase import usecase

CODE_PREFIX = "dh_inv_"
ROLE_DAYS_MAX = 730


@usecase("invitation.create")
def invitation_create(
    *,
    actor: Actor,
    email: str = "",
    project: Any = None,
    role: str = "",
    role_days: int | None = None,
    is_administrator: bool = False,
    is_auditor: bool = False,
    days: int = INVITATION_DAYS_DEFAULT,
    note: str = "",
) -> tuple[Invitation, str]:
    """Invite somebody to the installation. Returns the invitation and its code, known here and nowhere later."""
    return _write(
        actor,
        email=email,
        project=project,
        role=role,
        role_days=role_days,
        is_administrator=is_administrator,
        is_auditor=is_auditor,
        days=days,
        note=note,
    )


@usecase("member.invite", on="project")
def member_invite(
    *,
    actor: Actor,
    project: Any,
    role: str,
    email: str = "",
    role_days: int | None = None,
    days: int = INVITATION_DAYS_DEFAULT,
    note: str = "",
) -> tuple[Invitation, str]:
    """Invite somebody into a project, with a role that holds no more than one's own."""
    return _write(actor, email=email, project=project, role=role, role_days=role_days, days=days, note=note)


def invite(*, actor: Actor, project: Any = None, **wanted: Any) -> tuple[Invitation, str]:
    """By the use case that fits: into a project, or to the installation (global roles, no project)."""
    named = {field: wanted.pop(field, False) for field in ("is_administrator", "is_auditor")}
    if project is not None and not any(named.values()):
        return member_invite(actor=actor, project=project, **wanted)
    return invitation_create(actor=actor, project=project, **named, **wanted)


@usecase("invitation.resend", on="invitation")
def invitation_resend(*, actor: Actor, invitation: Invitation) -> tuple[Invitation, str]:
    """Give it a new code and as many days as it had; the earlier link opens nothing any more."""
    if invitation.state != InvitationState.PENDING:
        raise Conflict("This invitation was accepted or taken back.", hint="Make a new one.")
    _within_own_demand(actor, invitation.project, invitation.role)
    if (invitation.is_administrator or invitation.is_auditor) and not actor.is_administrator:
        raise Forbidden("Only an administrator invites with a global role.", hint="Ask an administrator.")
    code = _code_new(invitation.pk)
    now = utc_now()
    days = min(INVITATION_DAYS_MAX, max(1, (invitation.expires_at - invitation.created_at).days))
    changed = Invitation.objects.filter(pk=invitation.pk, state=InvitationState.PENDING).compare_and_set(
        digest=code_digest(code), expires_at=now + timedelta(days=days), invited_by_id=actor.user_id
    )
    if not changed:
        raise Conflict("This invitation was accepted or taken back.", hint="Make a new one.")
    invitation.refresh_from_db()
    return invitation, code


@usecase("invitation.revoke", on="invitation")
def invitation_revoke(*, actor: Actor, invitation: Invitation) -> Invitation:
    """Take it back: its link opens nothing any more."""
    pending = Invitation.objects.filter(pk=invitation.pk, state=InvitationState.PENDING)
    if not pending.compare_and_set(state=InvitationState.REVOKED):
        raise Conflict("This invitation was accepted or taken back already.", hint="Reload the page.")
    invitation.refresh_from_db()
    touch(invitation)
    return invitation


def code_digest(code: str) -> str:
    """What is stored of a code. A fast hash is right: the code holds 256 random bits."""
    return hashlib.sha256(code.encode()).hexdigest()


def invitation_link(code: str) -> str:
    """The link. The code stands behind the #, which no browser sends: not to the log of a server, not as a referrer."""
    return urljoin(settings.DEPLOYHUB_ORIGIN, f"{reverse('accounts:join')}#{code}")


def invitation_letter(invitation: Invitation, code: str) -> bool:
    """Send the link to the address on the invitation. False where it has to be handed over in another way."""
    by = invitation.invited_by.display_name if invitation.invited_by is not None else "An administrator"
    gives = "".join(f"\n- {line}" for line in invitation.gives)
    text = (
        f"{by} invites you to {settings.DEPLOYHUB_INSTANCE_NAME}.\n"
        + (f"\n{invitation.note}\n" if invitation.note else "")
        + (f"\nYou get:{gives}\n" if gives else "")
        + f"\nOpen this link until {invitation.expires_at:%d %B %Y, %H:%M} UTC; it works once:\n\n"
        f"{invitation_link(code)}\n\nIf you do not know what this is about, do nothing.\n"
    )
    return letter_send(to=invitation.email, subject=f"{by} invites you", text=text)


def _write(
    actor: Actor,
    *,
    email: str,
    project: Any,
    role: str,
    role_days: int | None,
    days: int,
    note: str,
    is_administrator: bool = False,
    is_auditor: bool = False,
) -> tuple[Invitation, str]:
    if not 1 <= days <= INVITATION_DAYS_MAX:
        sentence = f"Say 1 to {INVITATION_DAYS_MAX} days."
        raise InvalidInput(sentence, errors={"days": [sentence]})
    if role_days is not None and not 1 <= role_days <= ROLE_DAYS_MAX:
        sentence = f"Say 1 to {ROLE_DAYS_MAX} days, or nothing for no end."
        raise InvalidInput(sentence, errors={"role_days": [sentence]})
    if (project is None) != (not role):
        field = "role" if project is not None else "project"
        sentence = "A role belongs to a project: choose both, or neither."
        raise InvalidInput(sentence, errors={field: [sentence]})
    if project is not None and project.archived_at is not None:
        raise Conflict("This project is archived.", hint="Take it back first.")
    _within_own_demand(actor, project, role)
    invitation_id = new_id()
    code = _code_new(invitation_id)
    with transaction.atomic():
        invitation = Invitation.objects.create(
            id=invitation_id,
            email=email.strip(),
            note=note.strip(),
            digest=code_digest(code),
            invited_by_id=actor.user_id,
            project=project,
            role=role,
            role_days=role_days if project is not None else None,
            is_administrator=is_administrator,
            is_auditor=is_auditor,
            expires_at=utc_now() + timedelta(days=days),
        )
    return invitation, code


def _code_new(invitation_id: UUID) -> str:
    return f"{CODE_PREFIX}{invitation_id.hex}_{secrets.token_urlsafe(32)}"


def _within_own_demand(actor: Actor, project: Any, role: str) -> None:
    """Nobody hands on more than they hold."""
    if project is None:
        return
    grant = policy.role_find(project.pk, role)
    if grant is None:
        raise InvalidInput("There is no such role.", errors={"role": ["Choose a role from the list."]})
    above = grant.permissions - policy.held_in(actor, project.pk)
    if above:
        named = ", ".join(sorted(PERMISSIONS[code].label.lower() for code in above))
        raise Forbidden(
            f"This role may do what yours may not: {named}.",
            hint="Nobody gives a role that holds more than their own. Ask an owner.",
            code="above_own_role",
        )
