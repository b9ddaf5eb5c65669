"""Pages of this floor."""

from django.urls import path

from deployhub.accounts.views import account, password, second_factor, sign_in, step_up, tokens, users

app_name = "accounts"
urlpatterns = [
    path("sign-in/", sign_in.SignInPage.as_view(), name="sign-in"),
    path("sign-in/verify/", sign_in.SecondStepPage.as_view(), name="sign-in-verify"),
    path("sign-out/", sign_in.SignOutPage.as_view(), name="sign-out"),
    path("account/", account.AccountPage.as_view(), name="account"),
    path("account/password/", password.PasswordPage.as_view(), name="password"),
    path("account/step-up/", step_up.StepUpPage.as_view(), name="step-up"),
    path("account/step-up/again/", step_up.StepUpAgain.as_view(), name="step-up-again"),
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
    path("account/tokens/", tokens.TokensPage.as_view(), name="tokens"),
    path("account/tokens/new/", tokens.TokenNewPage.as_view(), name="token-new"),
    path("account/tokens/<uuid:token_id>/revoke/", tokens.TokenRevoke.as_view(), name="token-revoke"),
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
]
