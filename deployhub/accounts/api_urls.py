"""API nouns of this floor."""

from django.urls import path
from rest_framework.routers import SimpleRouter

from deployhub.accounts.api.federation import IdentityProviderViewSet, IdentityViewSet
from deployhub.accounts.api.invitations import InvitationViewSet
from deployhub.accounts.api.issued_tokens import IssuedTokenViewSet, LeakReportViewSet
from deployhub.accounts.api.me import MeViewSet
from deployhub.accounts.api.resets import MfaResetViewSet
from deployhub.accounts.api.security import SecurityPolicyViewSet
from deployhub.accounts.api.service_accounts import ServiceAccountViewSet
from deployhub.accounts.api.sessions import SessionViewSet
from deployhub.accounts.api.tokens import OwnTokenViewSet, TokenViewSet
from deployhub.accounts.api.users import UserViewSet

router = SimpleRouter(use_regex_path=False)
router.register("invitations", InvitationViewSet, basename="invitations")
router.register("mfa-resets", MfaResetViewSet, basename="mfa-resets")
router.register("sessions", SessionViewSet, basename="sessions")
router.register("tokens", TokenViewSet, basename="tokens")
router.register("issued-tokens", IssuedTokenViewSet, basename="issued-tokens")
router.register("service-accounts", ServiceAccountViewSet, basename="service-accounts")
router.register("identity-providers", IdentityProviderViewSet, basename="identity-providers")
router.register("identities", IdentityViewSet, basename="identities")
router.register("users", UserViewSet, basename="users")
urlpatterns = [
    path("me/", MeViewSet.as_view({"get": "retrieve"}), name="me"),
    path("me/token/rotate/", OwnTokenViewSet.as_view({"post": "rotate"}), name="me-token-rotate"),
    path("report-a-token/", LeakReportViewSet.as_view({"post": "create"}), name="leak-report"),
    path(
        "security-policy/",
        SecurityPolicyViewSet.as_view({"get": "retrieve", "patch": "partial_update"}),
        name="security-policy",
    ),
    path(
        "security-policy/preview/",
        SecurityPolicyViewSet.as_view({"post": "preview"}),
        name="security-policy-preview",
    ),
    *router.urls,
]
