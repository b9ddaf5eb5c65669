"""Forms of the account pages."""

from __future__ import annotations

from typing import Any

from django import forms

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
