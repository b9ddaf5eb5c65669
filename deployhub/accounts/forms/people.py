"""Forms about people who come, leave, or lost their device."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms

from deployhub.accounts.models import Invitation, User
from deployhub.accounts.selectors.ownership import Departure
from deployhub.accounts.vocab import INVITATION_DAYS_DEFAULT, INVITATION_DAYS_MAX

_NAME_LINE = {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}


class MfaResetForm(forms.Form):
    reason = forms.CharField(
        label="Why",
        max_length=500,
        help_text="And how you know that it is this person who asks: “stood at my desk”. It stands in the audit log.",
        widget=forms.Textarea(attrs={"rows": 3}),
    )


class DeactivateForm(forms.Form):
    """One field for each project that the person alone owns: who becomes its owner."""

    def __init__(self, *args: Any, departure: Departure, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.projects: dict[str, UUID] = {}
        for membership in departure.alone:
            others = departure.successors.get(membership.project_id, [])
            name = f"successor_{membership.project_id.hex}"
            self.projects[name] = membership.project_id
            self.fields[name] = forms.CharField(
                label=f"New owner of {membership.project.name}",
                max_length=60,
                help_text=f"Members: {', '.join(others[:8])}." if others else "It has no other member.",
                widget=forms.TextInput(attrs=_NAME_LINE),
            )

    @property
    def successors(self) -> dict[UUID, str]:
        return {project_id: self.cleaned_data[name] for name, project_id in self.projects.items()}


class InvitationForm(forms.Form):
    """What an invitation says. Whoever is no administrator chooses among their own projects."""

    email = forms.EmailField(
        label="Mail address",
        required=False,
        max_length=Invitation._meta.get_field("email").max_length,
        help_text="Left empty, you get a link to hand over yourself.",
    )
    project = forms.ChoiceField(label="Project", choices=(), required=False)
    role = forms.ChoiceField(label="Role in the project", choices=(), required=False)
    role_days = forms.IntegerField(
        label="The role ends after", min_value=1, max_value=730, required=False, help_text="Empty: no end."
    )
    is_administrator = forms.BooleanField(
        label="Administrator",
        required=False,
        help_text="Manages accounts, projects and the system, and sees everything.",
    )
    is_auditor = forms.BooleanField(
        label="Auditor", required=False, help_text="Reads the audit log and everything else, changes nothing."
    )
    days = forms.IntegerField(
        label="The invitation holds for",
        min_value=1,
        max_value=INVITATION_DAYS_MAX,
        initial=INVITATION_DAYS_DEFAULT,
    )
    note = forms.CharField(
        label="A word to them", max_length=500, required=False, widget=forms.Textarea(attrs={"rows": 2})
    )

    def __init__(
        self,
        *args: Any,
        projects: list[tuple[str, str]],
        roles: list[tuple[str, str]],
        by_administrator: bool,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        fields: dict[str, Any] = self.fields
        fields["project"].choices = [("", "None"), *projects] if by_administrator else projects
        fields["role"].choices = [("", "None"), *roles] if by_administrator else roles
        if not by_administrator:
            fields["project"].required = fields["role"].required = True
            del fields["is_administrator"], fields["is_auditor"]


class InvitationCodeForm(forms.Form):
    code = forms.CharField(
        label="The code of your invitation",
        max_length=200,
        help_text="The part of the link behind the #.",
        widget=forms.TextInput(attrs={**_NAME_LINE, "data-from-fragment": ""}),
    )


def _password(label: str, help_text: str = "") -> forms.CharField:
    return forms.CharField(
        label=label,
        strip=False,
        max_length=256,
        help_text=help_text,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )


class JoinForm(forms.Form):
    """Who accepts an invitation without an account makes one."""

    username = forms.CharField(
        label="Name to sign in with",
        max_length=60,
        validators=User._meta.get_field("username").validators,
        help_text="Letters, digits and @ . + - _",
        widget=forms.TextInput(attrs={**_NAME_LINE, "autocomplete": "username"}),
    )
    name = forms.CharField(
        label="Full name", max_length=120, widget=forms.TextInput(attrs={"autocomplete": "name"})
    )
    new_password = _password(
        "Password", "At least 12 characters. A few random words are easy to keep and hard to guess."
    )
    again = _password("Password again")

    def __init__(self, *args: Any, strength_address: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["new_password"].widget.attrs.update(
            {
                "hx-post": strength_address,
                "hx-trigger": "input changed delay:400ms",
                "hx-target": "#password-strength",
                "hx-swap": "outerHTML",
                "hx-params": "new_password",
            }
        )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        first, again = cleaned.get("new_password"), cleaned.get("again")
        if first and again and first != again:
            self.add_error("again", "The two passwords differ.")
        return cleaned
