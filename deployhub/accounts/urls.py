"""Pages of this floor."""

from django.urls import path

from deployhub.accounts.views.password import PasswordPage
from deployhub.accounts.views.sign_in import SecondStepPage, SignInPage, SignOutPage

app_name = "accounts"
urlpatterns = [
    path("sign-in/", SignInPage.as_view(), name="sign-in"),
    path("sign-in/verify/", SecondStepPage.as_view(), name="sign-in-verify"),
    path("sign-out/", SignOutPage.as_view(), name="sign-out"),
    path("account/password/", PasswordPage.as_view(), name="password"),
]
