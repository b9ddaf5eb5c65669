"""Forms of the account pages."""

from __future__ import annotations

from typing import Any

from django import forms
from django.urls import reverse

from deployhub.access.vocab import TokenScope
from deployhub.accounts.models import User
from deployhub.accounts.models.federation import MAPPED_ROLES
from deployhub.accounts.models.security_policy import ROLES_OF_DEMAND
from deployhub.accounts.services.service_accounts import MACHINE_ROLES
from deployhub.accounts.vocab import (
    LEAK_FILE_BYTES_MAX,
    LEAK_TEXT_CHARACTERS_MAX,
    OVERLAP_MINUTES_DEFAULT,
    OVERLAP_MINUTES_MAX,
    TOKEN_LIFE_DAYS_DEFAULT,
    TOKEN_LIFE_DAYS_MAX,
)

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
        self.fields["new_password"].widget.attrs.update(
            {
                "hx-post": reverse("accounts:password-strength"),
                "hx-trigger": "input changed delay:400ms",
                "hx-target": "#password-strength",
                "hx-swap": "outerHTML",
                "hx-params": "new_password",
            }
        )
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


class PasskeyForm(forms.Form):
    name = forms.CharField(
        label="Name of the passkey",
        max_length=64,
        initial="My computer",
        help_text="Where it is kept: a computer, a phone, a security key.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    credential = forms.CharField(max_length=16_384, widget=forms.HiddenInput)


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
        required=False,
    )
    permissions = forms.MultipleChoiceField(
        label="Single permissions", choices=(), required=False, widget=forms.CheckboxSelectMultiple
    )
    projects = forms.MultipleChoiceField(
        label="Where", choices=(), required=False, widget=forms.CheckboxSelectMultiple
    )
    networks = forms.CharField(
        label="Accepted from",
        required=False,
        max_length=1_000,
        help_text="Address ranges, one a line, such as 10.1.0.0/16 or 2001:db8::/32. Empty: from everywhere.",
        widget=forms.Textarea(attrs={"rows": 2, "spellcheck": "false", "autocomplete": "off"}),
    )
    rotates_itself = forms.BooleanField(
        label="It may replace itself",
        required=False,
        help_text="By the API it makes a successor with the same rights and life, for at most a year. Every step is in "
        "the audit log; revoking one ends the successors it made.",
    )
    life_days = forms.IntegerField(
        label="Expires after",
        min_value=1,
        max_value=TOKEN_LIFE_DAYS_MAX,
        initial=TOKEN_LIFE_DAYS_DEFAULT,
        help_text=f"1 to {TOKEN_LIFE_DAYS_MAX} days. Choose it short; a new token is made in a minute.",
    )

    def __init__(
        self,
        *args: Any,
        projects: list[tuple[str, str]],
        permissions: list[tuple[str, str]],
        may_rotate_itself: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        fields: dict[str, Any] = self.fields
        fields["projects"].choices = projects
        fields["permissions"].choices = permissions
        if not may_rotate_itself:
            del fields["rotates_itself"]

    def clean_networks(self) -> list[str]:
        return self.cleaned_data["networks"].replace(",", " ").split()


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


class ServiceAccountForm(forms.Form):
    """What is said of a service account at any time."""

    purpose = forms.CharField(
        label="What it is for",
        max_length=300,
        help_text="And where it runs: “exports every night, build server 2”.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    responsible = forms.CharField(
        label="Who answers for it",
        max_length=60,
        required=False,
        help_text="Name of an active account of a person. Left empty: you.",
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}
        ),
    )


class ServiceAccountNewForm(ServiceAccountForm):
    username = forms.CharField(
        label="Name",
        max_length=60,
        validators=User._meta.get_field("username").validators,
        help_text="Letters, digits and @ . + - _ such as nightly-export",
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}
        ),
    )
    project = forms.ChoiceField(label="Project", choices=(), help_text="It belongs to it for good.")
    role = forms.ChoiceField(label="Role in the project", choices=[(r.value, r.label) for r in MACHINE_ROLES])
    field_order = ("username", "purpose", "project", "role", "responsible")

    def __init__(self, *args: Any, projects: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["project"]
        field.choices = projects


class OverlapForm(forms.Form):
    overlap_minutes = forms.IntegerField(
        min_value=1,
        max_value=OVERLAP_MINUTES_MAX,
        initial=OVERLAP_MINUTES_DEFAULT,
        label="The old one works on for",
    )


class LeakReportForm(forms.Form):
    text = forms.CharField(
        label="The token, with the text around it if you like",
        max_length=LEAK_TEXT_CHARACTERS_MAX,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 5, "spellcheck": "false", "autocomplete": "off"}),
    )


class LeakCheckForm(forms.Form):
    text = forms.CharField(
        label="Text",
        required=False,
        max_length=LEAK_FILE_BYTES_MAX,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 8, "spellcheck": "false", "autocomplete": "off"}),
    )
    file = forms.FileField(
        label="Or a file", required=False, help_text="A log, an archive’s listing, a diff; to 2 MB."
    )
    revoke = forms.BooleanField(
        label="Revoke what somebody could still use", required=False, initial=True,
        help_text="At once. What uses such a token is refused from its next request on.",
    )  # fmt: skip

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        file = cleaned.get("file")
        if file is not None and file.size > LEAK_FILE_BYTES_MAX:
            self.add_error("file", "The file is larger than 2 MB. Cut it into pieces.")
        elif file is not None:
            cleaned["text"] = f"{cleaned.get('text', '')}\n{file.read().decode('utf-8', 'replace')}"
        elif not cleaned.get("text", "").strip():
            self.add_error("text", "Paste a text, or choose a file.")
        return cleaned


class IdentityProviderForm(forms.Form):
    name = forms.CharField(label="Name", max_length=60, help_text="Stands on the button of the sign-in page.")
    issuer = forms.CharField(
        label="Issuer",
        max_length=300,
        help_text="As the provider writes it, to the letter: https://id.example.org/realms/house",
        widget=forms.URLInput(attrs={"spellcheck": "false", "autocomplete": "off"}),
    )
    client_id = forms.CharField(label="Client id", max_length=200)
    client_secret = forms.CharField(
        label="Client secret",
        required=False,
        max_length=500,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
        help_text="Kept sealed and never shown again. Left empty: the present one stays.",
    )
    scopes = forms.CharField(label="Scopes", max_length=200, initial="openid profile email")
    groups_claim = forms.CharField(
        label="Claim with the groups",
        max_length=100,
        required=False,
        initial="groups",
        help_text="Empty: groups give no roles.",
    )
    provisions = forms.BooleanField(
        label="Make an account for somebody new",
        required=False,
        help_text="Without it only people get in who linked their account themselves.",
    )
    trusted_for_mfa = forms.BooleanField(
        label="Trust it for the second factor",
        required=False,
        help_text="Where it tells of one in amr or acr, DeployHub asks for none of its own.",
    )
    mfa_values = forms.CharField(
        label="Values of amr or acr that tell of a second factor",
        required=False,
        max_length=1000,
        initial="mfa",
        help_text="Separated by spaces.",
    )
    is_enabled = forms.BooleanField(label="Offer it on the sign-in page", required=False, initial=True)

    def clean_mfa_values(self) -> list[str]:
        return self.cleaned_data["mfa_values"].split()


class GroupMappingForm(forms.Form):
    group = forms.CharField(label="Group", max_length=200, help_text="As the provider sends it.")
    role = forms.ChoiceField(label="Role", choices=MAPPED_ROLES)
    project = forms.ChoiceField(
        label="Project", choices=(), required=False, help_text="None for a role of the instance."
    )

    def __init__(self, *args: Any, projects: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["project"]
        field.choices = [("", "The whole instance"), *projects]


class SecurityPolicyForm(forms.Form):
    mfa_required_for_all = forms.BooleanField(label="Everybody", required=False)
    mfa_required_roles = forms.MultipleChoiceField(
        label="Only these",
        choices=ROLES_OF_DEMAND,
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    mfa_grace_days = forms.IntegerField(
        label="Days of grace",
        min_value=0,
        max_value=90,
        help_text="So long somebody may go on without a second factor, counted from the day that it is demanded of them.",
    )
    step_up_minutes = forms.IntegerField(
        label="A second factor stays fresh for",
        min_value=1,
        max_value=10,
        help_text="Dangerous actions ask again after that. Ten minutes at most.",
    )
    session_idle_minutes = forms.IntegerField(
        label="A session without use ends after", min_value=5, max_value=1440
    )
    session_absolute_hours = forms.IntegerField(label="Every session ends after", min_value=1, max_value=168)
