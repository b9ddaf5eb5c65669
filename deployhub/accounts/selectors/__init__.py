"""All reads of the accounts floor, scoped to the actor."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet

from deployhub.access import policy
from deployhub.access.models import Membership, not_ended
from deployhub.access.step_up import StepUpTerms
from deployhub.access.vocab import CHOOSABLE_PERMISSIONS, PERMISSIONS
from deployhub.accounts.models import (
    ApiToken,
    Passkey,
    RecoveryCode,
    SecurityPolicy,
    ServiceAccount,
    TotpDevice,
    User,
)
from deployhub.accounts.vocab import LEAK_NOTICE, TOKEN_EXPIRES_SOON, AccountKind, Factor, Revocation
from deployhub.audit.scope import event_record
from deployhub.kernel.actor import Actor, ActorKind, Door
from deployhub.kernel.clock import utc_now
from deployhub.kernel.errors import InvalidInput, NotFound


def _own_id(actor: Actor) -> UUID:
    if actor.user_id is None:
        raise NotFound(policy.NOTHING)
    return actor.user_id


def actor_of_account(user: User) -> Actor:
    """The account with all that its roles give, to ask what it may do at most."""
    return Actor(
        kind=ActorKind.SERVICE if user.is_service else ActorKind.USER,
        name=user.audit_label(),
        door=Door.API,
        user_id=user.pk,
        is_administrator=user.is_administrator,
        is_auditor=user.is_auditor,
    )


def second_factor_is_on(user_id: UUID) -> bool:
    """Whether the person has an authenticator app or a passkey that counts."""
    return (
        TotpDevice.objects.filter(user_id=user_id, confirmed=True).exists()
        or Passkey.objects.filter(user_id=user_id, confirmed=True).exists()
    )


def security_policy_of(actor: Actor) -> SecurityPolicy:
    """The security policy as it holds for what the actor does now; read once for each request."""
    known = actor.cache.get("security_policy")
    if not isinstance(known, SecurityPolicy):
        known = actor.cache["security_policy"] = SecurityPolicy.current()
    return known


def mfa_is_demanded(actor: Actor) -> bool:
    """Whether the security policy demands a second factor of this person, for themselves or for a role they have."""
    demands = security_policy_of(actor)
    actor = actor.unmasked()  # to view as a viewer is no way around what is demanded of an owner
    if demands.mfa_required_for_all:
        return True
    roles = set(demands.mfa_required_roles)
    if not roles:
        return False
    if (actor.is_administrator and "administrator" in roles) or (actor.is_auditor and "auditor" in roles):
        return True
    return bool(roles & {grant.role for grant in policy.roles_of(actor).values()})


def mfa_affected(*, for_all: bool, roles: Sequence[str]) -> QuerySet[Any]:
    """The active people of whom such a policy demands a second factor; each with `has_second_factor`."""
    people = _with_second_factor(User.objects.filter(is_active=True, kind=AccountKind.PERSON))
    if for_all:
        return people
    in_projects = Membership.objects.filter(
        user=OuterRef("pk"), project__archived_at=None, role__in=list(roles)
    )
    named = Q(Exists(in_projects))
    if "administrator" in roles:
        named |= Q(is_administrator=True)
    if "auditor" in roles:
        named |= Q(is_auditor=True)
    return people.filter(named)


@dataclass(frozen=True, slots=True)
class MfaReach:
    """Whom a demand for a second factor reaches."""

    people: int
    without_second_factor: int


def mfa_reach(*, for_all: bool, roles: Sequence[str]) -> MfaReach:
    affected = mfa_affected(for_all=for_all, roles=roles)
    return MfaReach(
        people=affected.count(), without_second_factor=affected.filter(has_second_factor=False).count()
    )


def mfa_grace_left(actor: Actor, user: User) -> timedelta | None:
    """How long somebody without a second factor may go on without; None where nothing is demanded of them.

    The days count from the first moment of the demand, which is noted here if it was not yet. Not above zero: over.
    """
    if not mfa_is_demanded(actor):
        if user.mfa_demanded_at is not None:
            User.objects.filter(pk=user.pk).unaudited_update(mfa_demanded_at=None)
        return None
    if user.mfa_demanded_at is None:
        user.mfa_demanded_at = utc_now()
        User.objects.filter(pk=user.pk, mfa_demanded_at=None).unaudited_update(
            mfa_demanded_at=user.mfa_demanded_at
        )
    return user.mfa_demanded_at + timedelta(days=security_policy_of(actor).mfa_grace_days) - utc_now()


def mfa_is_overdue(actor: Actor, user: User) -> bool:
    """Whether the days of grace of somebody without a second factor are over."""
    left = mfa_grace_left(actor, user)
    return left is not None and left <= timedelta(0) and not second_factor_is_on(user.pk)


def security_policy_read(actor: Actor) -> SecurityPolicy:
    """The security policy, and a record that it was read."""
    event_record(actor, "security.view")
    return SecurityPolicy.current()


def step_up_terms(actor: Actor) -> StepUpTerms:
    """How fresh a second factor must be, and whether this person has to set one up first."""
    must_enrol = (
        actor.user_id is not None
        and actor.auth_method != Factor.OIDC_MFA
        and mfa_is_demanded(actor)
        and not second_factor_is_on(actor.user_id)
    )
    return StepUpTerms(minutes=security_policy_of(actor).step_up_minutes, must_enrol=must_enrol)


def account_get(actor: Actor) -> User:
    """The actor's own account."""
    return policy.one(User.objects, pk=actor.user_id)


def memberships_own(actor: Actor) -> QuerySet[Membership]:
    """The actor's roles, with the projects they hold in."""
    return (
        Membership.objects.filter(not_ended(), user_id=_own_id(actor), project__archived_at=None)
        .select_related("project", "custom_role")
        .order_by("project__name")
    )


def totp_devices_own(actor: Actor) -> QuerySet[TotpDevice]:
    return TotpDevice.objects.filter(user_id=_own_id(actor))


def totp_device_get(actor: Actor, device_id: UUID) -> TotpDevice:
    return policy.one(totp_devices_own(actor).select_related("user"), pk=device_id)


@dataclass(frozen=True, slots=True)
class SecondFactors:
    """Which kinds of second factor a person can show."""

    has_app: bool
    has_passkey: bool
    has_recovery_code: bool

    @property
    def has_any(self) -> bool:
        return self.has_app or self.has_passkey


def second_factors_of(user_id: UUID) -> SecondFactors:
    return SecondFactors(
        has_app=TotpDevice.objects.filter(user_id=user_id, confirmed=True).exists(),
        has_passkey=Passkey.objects.filter(user_id=user_id, confirmed=True).exists(),
        has_recovery_code=RecoveryCode.objects.filter(user_id=user_id, used_at=None).exists(),
    )


def second_factors_own(actor: Actor) -> SecondFactors:
    return second_factors_of(_own_id(actor))


def passkeys_own(actor: Actor) -> QuerySet[Passkey]:
    return Passkey.objects.filter(user_id=_own_id(actor))


def passkey_get(actor: Actor, passkey_id: UUID) -> Passkey:
    return policy.one(passkeys_own(actor).select_related("user"), pk=passkey_id)


def recovery_codes_left(actor: Actor) -> int:
    return RecoveryCode.objects.filter(user_id=_own_id(actor), used_at=None).count()


def tokens_visible(actor: Actor) -> QuerySet[ApiToken]:
    """The actor's own tokens; nobody sees anybody else's."""
    if not policy.can(actor, "token.view"):
        return ApiToken.objects.none()
    return _with_kin(ApiToken.objects.filter(user_id=_own_id(actor)))


def tokens_of_person(actor: Actor, user: User) -> QuerySet[ApiToken]:
    """Somebody's tokens, for who may waive the step-up of one."""
    if not policy.can(actor, "token.waive_step_up"):
        return ApiToken.objects.none()
    return ApiToken.objects.filter(user=user).order_by("-id")


def token_of_person_get(actor: Actor, user_id: UUID, token_id: UUID) -> ApiToken:
    return policy.one(tokens_of_person(actor, user_get(actor, user_id)), pk=token_id)


def token_get(actor: Actor, token_id: UUID) -> ApiToken:
    return policy.one(tokens_visible(actor), pk=token_id)


def _with_kin(tokens: QuerySet[ApiToken]) -> QuerySet[ApiToken]:
    """With what a list shows beside a token: whose it is, what it replaced, where it was used from."""
    return tokens.select_related("user", "predecessor", "successor").prefetch_related("used_from")


def tokens_issued(actor: Actor) -> QuerySet[ApiToken]:
    """All tokens of the installation, for administrators and auditors; never their text."""
    if not policy.can(actor, "token.view_all"):
        return ApiToken.objects.none()
    return _with_kin(ApiToken.objects.all())


def tokens_issued_read(actor: Actor) -> QuerySet[ApiToken]:
    """The list of all tokens, and a record that it was read."""
    event_record(actor, "token.view_all")
    return tokens_issued(actor)


def token_issued_get(actor: Actor, token_id: UUID) -> ApiToken:
    return policy.one(tokens_issued(actor), pk=token_id)


def project_names(tokens: Iterable[ApiToken]) -> dict[str, str]:
    """Names of the projects that tokens are bound to, by id; for those who see all tokens."""
    wanted = {project_id for token in tokens for project_id in token.project_ids}
    known = Membership.objects.filter(project_id__in=wanted).values_list("project_id", "project__name")
    return {str(project_id): name for project_id, name in known}


def service_accounts_visible(actor: Actor) -> QuerySet[ServiceAccount]:
    """Service accounts of the projects that the actor may see."""
    rows = ServiceAccount.objects.select_related("user", "project", "responsible")
    return policy.visible(actor, "service.view", rows)


def service_accounts_read(actor: Actor) -> QuerySet[ServiceAccount]:
    """The list of service accounts, and a record that it was read."""
    event_record(actor, "service.view")
    return service_accounts_visible(actor)


def service_account_get(actor: Actor, service_id: UUID) -> ServiceAccount:
    return policy.one(service_accounts_visible(actor), pk=service_id)


def service_account_read(actor: Actor, service_id: UUID) -> ServiceAccount:
    """One service account, and a record that it was read."""
    service = service_account_get(actor, service_id)
    event_record(actor, "service.view", service)
    return service


def service_tokens(service: ServiceAccount) -> QuerySet[ApiToken]:
    """The tokens of a service account that the actor was given."""
    return _with_kin(ApiToken.objects.filter(user_id=service.user_id))


def service_token_get(service: ServiceAccount, token_id: UUID) -> ApiToken:
    return policy.one(service_tokens(service), pk=token_id)


def permissions_choosable(user: User) -> list[str]:
    """Single permissions that a token of this account may carry now: what its roles give."""
    account = actor_of_account(user)
    return [code for code in PERMISSIONS if code in CHOOSABLE_PERMISSIONS and policy.can(account, code)]


def tokens_ending(actor: Actor) -> QuerySet[ApiToken]:
    """Tokens that end within 14 days and were not replaced: the actor's own, and of machines they answer for."""
    now = utc_now()
    return ApiToken.objects.select_related("user__service").filter(
        Q(user_id=actor.user_id) | Q(user__service__responsible_id=actor.user_id),
        revoked_at=None,
        rotated_at=None,
        expires_at__range=(now, now + TOKEN_EXPIRES_SOON),
    )


def tokens_leaked(actor: Actor) -> QuerySet[ApiToken]:
    """Tokens that were reported as leaked lately: the actor's own, of machines they answer for, or all."""
    rows = ApiToken.objects.select_related("user__service").filter(
        revocation=Revocation.LEAKED, revoked_at__gte=utc_now() - LEAK_NOTICE
    )
    if policy.can(actor, "token.revoke_any"):
        return rows
    return rows.filter(Q(user_id=actor.user_id) | Q(user__service__responsible_id=actor.user_id))


def services_orphaned(actor: Actor) -> QuerySet[ServiceAccount]:
    """Active machines whose responsible person is not, where the actor may name another."""
    rows = ServiceAccount.objects.select_related("user", "responsible")
    return policy.visible(actor, "service.update", rows).filter(
        user__is_active=True, responsible__is_active=False
    )


def users_visible(actor: Actor) -> QuerySet[User]:
    """All people for administrators and auditors, none for others; each with `has_second_factor`."""
    if not policy.can(actor, "user.view"):
        return User.objects.none()
    return _with_second_factor(User.objects.filter(kind=AccountKind.PERSON))


def _with_second_factor(people: QuerySet[User]) -> QuerySet[Any]:
    apps = TotpDevice.objects.filter(user=OuterRef("pk"), confirmed=True)
    passkeys = Passkey.objects.filter(user=OuterRef("pk"), confirmed=True)
    return people.annotate(has_second_factor=Exists(apps) | Exists(passkeys))


def users_read(actor: Actor) -> QuerySet[User]:
    """The list of accounts, and a record that it was read."""
    event_record(actor, "user.view")
    return users_visible(actor)


def user_get(actor: Actor, user_id: UUID) -> User:
    return policy.one(users_visible(actor), pk=user_id)


def user_read(actor: Actor, user_id: UUID) -> User:
    """One account, and a record that it was read."""
    user = user_get(actor, user_id)
    event_record(actor, "user.view", user)
    return user


def user_memberships(user: User) -> QuerySet[Membership]:
    return (
        Membership.objects.filter(not_ended(), user=user)
        .select_related("project", "custom_role")
        .order_by("project__name")
    )


def projects_for_services(actor: Actor) -> QuerySet:
    """Living projects for which the actor may make service accounts. The project's class belongs to a floor above."""
    projects = ServiceAccount._meta.get_field("project").related_model
    rows = projects._default_manager.filter(archived_at=None).order_by("name")  # type: ignore[union-attr]
    return policy.visible(actor, "service.create", rows, project_path="pk")


def project_for_service(actor: Actor, project_id: UUID) -> Any:
    project = projects_for_services(actor).filter(pk=project_id).first()
    if project is None:
        raise InvalidInput(
            "There is no such project for you.",
            errors={"project": ["Choose one of the projects that you own."]},
        )
    return project
