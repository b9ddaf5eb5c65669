"""Pages of this floor."""

from django.urls import path

from deployhub.accounts.views import (
    account,
    identities,
    identity_providers,
    invitations,
    issued_tokens,
    joining,
    passkeys,
    password,
    resets,
    second_factor,
    security,
    service_accounts,
    sessions,
    sign_in,
    sign_on,
    step_up,
    tokens,
    users,
)

app_name = "accounts"
urlpatterns = [
    path("sign-in/", sign_in.SignInPage.as_view(), name="sign-in"),
    path("sign-in/verify/", sign_in.SecondStepPage.as_view(), name="sign-in-verify"),
    path("sign-in/passkey/", passkeys.PasskeySignIn.as_view(), name="sign-in-passkey"),
    path("sign-in/with/<slug:slug>/", sign_on.SignOnStart.as_view(), name="sign-on"),
    path("sign-in/with/<slug:slug>/callback/", sign_on.SignOnCallback.as_view(), name="sign-on-callback"),
    path("sign-out/", sign_in.SignOutPage.as_view(), name="sign-out"),
    path("account/", account.AccountPage.as_view(), name="account"),
    path("account/password/", password.PasswordPage.as_view(), name="password"),
    path("account/step-up/", step_up.StepUpPage.as_view(), name="step-up"),
    path("account/step-up/again/", step_up.StepUpAgain.as_view(), name="step-up-again"),
    path("account/password/strength/", password.PasswordStrength.as_view(), name="password-strength"),
    path("account/mfa/", second_factor.SecondFactorPage.as_view(), name="mfa"),
    path("account/mfa/new/", second_factor.SecondFactorNew.as_view(), name="mfa-new"),
    path("account/mfa/recovery/", second_factor.RecoveryCodesNew.as_view(), name="mfa-recovery"),
    path(
        "account/mfa/<uuid:device_id>/confirm/",
        second_factor.SecondFactorConfirm.as_view(),
        name="mfa-confirm",
    ),
    path(
        "account/mfa/<uuid:device_id>/remove/", second_factor.SecondFactorRemove.as_view(), name="mfa-remove"
    ),
    path(
        "account/mfa/<uuid:device_id>/rename/", second_factor.SecondFactorRename.as_view(), name="mfa-rename"
    ),
    path("account/mfa/passkeys/new/", passkeys.PasskeyNew.as_view(), name="passkey-new"),
    path("account/mfa/passkeys/<uuid:passkey_id>/try/", passkeys.PasskeyTry.as_view(), name="passkey-try"),
    path(
        "account/mfa/passkeys/<uuid:passkey_id>/rename/",
        second_factor.SecondFactorRename.as_view(),
        name="passkey-rename",
    ),
    path(
        "account/mfa/passkeys/<uuid:passkey_id>/remove/",
        second_factor.SecondFactorRemove.as_view(),
        name="passkey-remove",
    ),
    path("account/identities/", identities.IdentitiesPage.as_view(), name="identities"),
    path(
        "account/identities/link/<uuid:provider_id>/",
        identities.IdentityLink.as_view(),
        name="identity-link",
    ),
    path(
        "account/identities/<uuid:identity_id>/unlink/",
        identities.IdentityUnlink.as_view(),
        name="identity-unlink",
    ),
    path(
        "account/step-up/with/<uuid:provider_id>/",
        identities.StepUpAtProvider.as_view(),
        name="step-up-at-provider",
    ),
    path("account/sessions/", sessions.SessionsPage.as_view(), name="sessions"),
    path(
        "account/sessions/others/revoke/",
        sessions.SessionsRevokeOthers.as_view(),
        name="sessions-revoke-others",
    ),
    path(
        "account/sessions/<uuid:session_id>/revoke/", sessions.SessionRevoke.as_view(), name="session-revoke"
    ),
    path("account/tokens/", tokens.TokensPage.as_view(), name="tokens"),
    path("account/tokens/new/", tokens.TokenNewPage.as_view(), name="token-new"),
    path("account/tokens/<uuid:token_id>/revoke/", tokens.TokenRevoke.as_view(), name="token-revoke"),
    path("account/tokens/<uuid:token_id>/rotate/", tokens.TokenRotate.as_view(), name="token-rotate"),
    path("issued-tokens/", issued_tokens.IssuedTokensPage.as_view(), name="issued-tokens"),
    path("issued-tokens/check/", issued_tokens.LeakCheckPage.as_view(), name="leak-check"),
    path(
        "issued-tokens/<uuid:token_id>/revoke/",
        issued_tokens.IssuedTokenRevoke.as_view(),
        name="issued-token-revoke",
    ),
    path("report-a-token/", issued_tokens.LeakReportPage.as_view(), name="leak-report"),
    path("service-accounts/", service_accounts.ServiceAccountsPage.as_view(), name="service-accounts"),
    path(
        "service-accounts/new/", service_accounts.ServiceAccountNewPage.as_view(), name="service-account-new"
    ),
    path(
        "service-accounts/<uuid:service_id>/",
        service_accounts.ServiceAccountPage.as_view(),
        name="service-account",
    ),
    path(
        "service-accounts/<uuid:service_id>/deactivate/",
        service_accounts.ServiceAccountDeactivate.as_view(),
        name="service-account-deactivate",
    ),
    path(
        "service-accounts/<uuid:service_id>/activate/",
        service_accounts.ServiceAccountActivate.as_view(),
        name="service-account-activate",
    ),
    path(
        "service-accounts/<uuid:service_id>/tokens/new/",
        service_accounts.ServiceTokenNewPage.as_view(),
        name="service-token-new",
    ),
    path(
        "service-accounts/<uuid:service_id>/tokens/<uuid:token_id>/rotate/",
        service_accounts.ServiceTokenRotate.as_view(),
        name="service-token-rotate",
    ),
    path(
        "service-accounts/<uuid:service_id>/tokens/<uuid:token_id>/revoke/",
        service_accounts.ServiceTokenWithdraw.as_view(),
        name="service-token-revoke",
    ),
    path(
        "account/mfa/resets/<uuid:mfa_reset_id>/stop/", resets.MfaResetStop.as_view(), name="mfa-reset-stop"
    ),
    path("mfa-resets/", resets.MfaResetsPage.as_view(), name="mfa-resets"),
    path(
        "mfa-resets/<uuid:mfa_reset_id>/confirm/", resets.MfaResetConfirm.as_view(), name="mfa-reset-confirm"
    ),
    path(
        "mfa-resets/<uuid:mfa_reset_id>/decline/", resets.MfaResetDecline.as_view(), name="mfa-reset-decline"
    ),
    path("users/<uuid:user_id>/mfa-reset/", resets.MfaResetNewPage.as_view(), name="mfa-reset-new"),
    path("invitations/", invitations.InvitationsPage.as_view(), name="invitations"),
    path("invitations/new/", invitations.InvitationNewPage.as_view(), name="invitation-new"),
    path(
        "invitations/<uuid:invitation_id>/resend/",
        invitations.InvitationResend.as_view(),
        name="invitation-resend",
    ),
    path(
        "invitations/<uuid:invitation_id>/revoke/",
        invitations.InvitationRevoke.as_view(),
        name="invitation-revoke",
    ),
    path("join/", joining.JoinPage.as_view(), name="join"),
    path("join/accept/", joining.JoinAcceptPage.as_view(), name="join-accept"),
    path("join/strength/", joining.JoinStrength.as_view(), name="join-strength"),
    path("settings/security/", security.SecurityPolicyPage.as_view(), name="security"),
    path("settings/security/preview/", security.SecurityPreview.as_view(), name="security-preview"),
    path(
        "settings/single-sign-on/",
        identity_providers.IdentityProvidersPage.as_view(),
        name="identity-providers",
    ),
    path(
        "settings/single-sign-on/new/",
        identity_providers.IdentityProviderNew.as_view(),
        name="identity-provider-new",
    ),
    path(
        "settings/single-sign-on/<uuid:provider_id>/",
        identity_providers.IdentityProviderPage.as_view(),
        name="identity-provider",
    ),
    path(
        "settings/single-sign-on/<uuid:provider_id>/test/",
        identity_providers.IdentityProviderTest.as_view(),
        name="identity-provider-test",
    ),
    path(
        "settings/single-sign-on/<uuid:provider_id>/remove/",
        identity_providers.IdentityProviderRemove.as_view(),
        name="identity-provider-remove",
    ),
    path(
        "settings/single-sign-on/<uuid:provider_id>/mappings/new/",
        identity_providers.GroupMappingNew.as_view(),
        name="group-mapping-new",
    ),
    path(
        "settings/single-sign-on/<uuid:provider_id>/mappings/<uuid:mapping_id>/remove/",
        identity_providers.GroupMappingRemove.as_view(),
        name="group-mapping-remove",
    ),
    path("users/", users.UsersPage.as_view(), name="users"),
    path("users/new/", users.UserNewPage.as_view(), name="user-new"),
    path("users/<uuid:user_id>/", users.UserPage.as_view(), name="user"),
    path("users/<uuid:user_id>/deactivate/", users.UserDeactivate.as_view(), name="user-deactivate"),
    path("users/<uuid:user_id>/activate/", users.UserActivate.as_view(), name="user-activate"),
    path(
        "users/<uuid:user_id>/tokens/<uuid:token_id>/waive-step-up/",
        users.TokenStepUpWaive.as_view(),
        name="token-waive-step-up",
    ),
    path("users/<uuid:user_id>/reset/", users.UserReset.as_view(), name="user-reset"),
    path("users/<uuid:user_id>/unlock/", sessions.UserUnlock.as_view(), name="user-unlock"),
    path(
        "users/<uuid:user_id>/sessions/revoke/",
        sessions.UserSessionsRevoke.as_view(),
        name="user-sessions-revoke",
    ),
    path(
        "users/<uuid:user_id>/sessions/<uuid:session_id>/revoke/",
        sessions.UserSessionRevoke.as_view(),
        name="user-session-revoke",
    ),
]
