"""User, invitations, service accounts, second factors, recovery codes, API tokens, the security policy, single sign-on."""

from deployhub.accounts.models.attempts import FailedAttempts
from deployhub.accounts.models.factors import Passkey, RecoveryCode, TotpDevice
from deployhub.accounts.models.federation import (
    FederatedIdentity,
    GroupMapping,
    IdentityProvider,
    MappedRole,
)
from deployhub.accounts.models.invitations import Invitation
from deployhub.accounts.models.resets import MfaReset
from deployhub.accounts.models.security_policy import SecurityPolicy
from deployhub.accounts.models.services import ServiceAccount
from deployhub.accounts.models.sessions import SessionEnd, UserSession
from deployhub.accounts.models.tokens import ApiToken, TokenNetwork
from deployhub.accounts.models.users import User, session_stamp_new

__all__ = [
    "ApiToken",
    "FailedAttempts",
    "FederatedIdentity",
    "GroupMapping",
    "IdentityProvider",
    "Invitation",
    "MappedRole",
    "MfaReset",
    "Passkey",
    "RecoveryCode",
    "SecurityPolicy",
    "ServiceAccount",
    "SessionEnd",
    "TokenNetwork",
    "TotpDevice",
    "User",
    "UserSession",
    "session_stamp_new",
]
