"""Forms of the account pages."""

from __future__ import annotations

from typing import Any

from django import forms

from deployhub.access.vocab import TokenScope
from deployhub.accounts.models import User
from deployhub.accounts.vocab import TOKEN_LIFE_DAYS_DEFAULT, TOKEN_LIFE_DAYS_MAX

PASSWORD_CHARACTERS_MAX = 256


def _password(label: str, *, autocomplete: str, **kwargs: Any) -> forms.CharField:
    widget = forms.PasswordInput(attrs={"autocomplete": autocomplete})
    return forms.CharField(
        label=label, widget=widget, strip=False, max_length=PASSWORD_CHARACTERS_MAX, **kwargs
    )


class SignInForm(forms.Form):
    username = forms.CharField(
        label="Name",
        max_length=60,
        widget=forms.TextInput(
            attrs={
                "autocomplete": "username",
                "autocapitalize": "none",
                "spellcheck": "false",
                "autofocus": True,
            }
        ),
    )
    password = _password("Password", autocomplete="current-password")


class PasswordForm(forms.Form):
    """A new password of one's own; with the old one, unless that was a one-time password."""

    old_password = _password("Present password", autocomplete="current-password")
    new_password = _password(
        "New password",
        autocomplete="new-password",
        help_text="At least 12 characters. A few random words are easy to keep and hard to guess.",
    )
    again = _password("New password again", autocomplete="new-password")

    def __init__(self, *args: Any, ask_old: bool = True, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not ask_old:
            del self.fields["old_password"]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if (
            cleaned.get("new_password")
            and cleaned.get("again")
            and cleaned["new_password"] != cleaned["again"]
        ):
            self.add_error("again", "The two passwords differ.")
        return cleaned


class ProfileForm(forms.Form):
    name = forms.CharField(
        label="Full name",
        max_length=120,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    email = forms.EmailField(
        label="Mail address", required=False, widget=forms.EmailInput(attrs={"autocomplete": "email"})
    )


class TotpConfirmForm(forms.Form):
    name = forms.CharField(
        label="Name of the device",
        max_length=64,
        initial="My phone",
        help_text="So that you know later which one it is.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    code = forms.CharField(label="Code", max_length=7)


class TokenForm(forms.Form):
    label = forms.CharField(
        label="Label",
        max_length=80,
        help_text="What the token is for, and where it will be kept: “nightly export, build server”.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    scopes = forms.MultipleChoiceField(
        label="What it may do",
        choices=TokenScope.choices,
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Choose what the token may do."},
    )
    projects = forms.MultipleChoiceField(
        label="Where", choices=(), required=False, widget=forms.CheckboxSelectMultiple
    )
    life_days = forms.IntegerField(
        label="Expires after",
        min_value=1,
        max_value=TOKEN_LIFE_DAYS_MAX,
        initial=TOKEN_LIFE_DAYS_DEFAULT,
        help_text=f"1 to {TOKEN_LIFE_DAYS_MAX} days. Choose it short; a new token is made in a minute.",
    )

    def __init__(self, *args: Any, projects: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["projects"]
        field.choices = projects


class UserForm(forms.Form):
    """What an administrator changes of an account."""

    name = forms.CharField(label="Full name", max_length=120, required=False)
    email = forms.EmailField(label="Mail address", required=False)
    is_administrator = forms.BooleanField(
        label="Administrator",
        required=False,
        help_text="Manages accounts, projects and the system, and sees everything.",
    )
    is_auditor = forms.BooleanField(
        label="Auditor", required=False, help_text="Reads the audit log and everything else, changes nothing."
    )


class UserNewForm(UserForm):
    username = forms.CharField(
        label="Name to sign in with",
        max_length=60,
        validators=User._meta.get_field("username").validators,
        help_text="Letters, digits and @ . + - _",
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}
        ),
    )
    field_order = ("username", "name", "email", "is_administrator", "is_auditor")
