"""Forms of the registry's pages. They check shape; what is allowed is decided by the use cases."""

from __future__ import annotations

from typing import Any

from django import forms

from deployhub.access.vocab import CUSTOM_ROLE_PERMISSIONS, PERMISSIONS, Role
from deployhub.kernel.actor import Actor
from deployhub.registry.models import SLUG, ModelAlias, Project, RegisteredModel
from deployhub.registry.selectors import models_visible
from deployhub.registry.vocab import ACCESS_DAYS_MAX, DatasetPurpose

END_CHOICES = [
    ("", "As it is"), ("0", "No end"), ("1", "In 1 day"), ("7", "In 7 days"), ("30", "In 30 days"), ("90", "In 90 days"),
    ("365", "In 365 days"),
]  # fmt: skip


def _text(rows: int = 3) -> forms.Textarea:
    return forms.Textarea(attrs={"class": "input", "rows": rows})


def _line(**attrs: Any) -> forms.TextInput:
    return forms.TextInput(attrs={"class": "input", "autocomplete": "off", **attrs})


def _select() -> forms.Select:
    return forms.Select(attrs={"class": "input"})


class ProjectNewForm(forms.Form):
    name = forms.CharField(
        max_length=80, widget=_line(autofocus=True), help_text="As people see it, for example Street signs."
    )
    slug = forms.CharField(
        max_length=60,
        required=False,
        widget=_line(),
        validators=[SLUG],
        label="Short name",
        help_text="Used in addresses and scripts and never changes. Made from the name when left empty.",
    )
    description = forms.CharField(
        max_length=2_000, required=False, widget=_text(), help_text="What the project is about."
    )


class ProjectSettingsForm(forms.Form):
    name = forms.CharField(max_length=80, widget=_line())
    description = forms.CharField(max_length=2_000, required=False, widget=_text())


class _RoleChoice(forms.Form):
    """A role of the project, built-in or its own, and when it ends."""

    role = forms.ChoiceField(choices=(), widget=_select())
    days = forms.TypedChoiceField(
        choices=END_CHOICES, coerce=int, empty_value=None, required=False, widget=_select(), label="Ends"
    )

    def __init__(self, *args: Any, roles: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["role"]
        field.choices = roles


class MemberForm(_RoleChoice):
    username = forms.CharField(max_length=60, widget=_line(), label="Account name")
    field_order = ("username", "role", "days")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        role, days = self.fields["role"], self.fields["days"]
        assert isinstance(days, forms.ChoiceField)
        role.initial, days.initial, days.choices = Role.ENGINEER, "0", END_CHOICES[1:]


class RoleForm(_RoleChoice):
    pass


class CustomRoleForm(forms.Form):
    name = forms.CharField(max_length=40, widget=_line(), help_text="For example Release auditor.")
    description = forms.CharField(
        max_length=300, required=False, widget=_line(), help_text="What people with this role do."
    )
    permissions = forms.MultipleChoiceField(
        choices=[(code, PERMISSIONS[code].label) for code in PERMISSIONS if code in CUSTOM_ROLE_PERMISSIONS],
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )


class AccessRequestForm(forms.Form):
    slug = forms.CharField(
        max_length=60,
        validators=[SLUG],
        widget=_line(autocapitalize="none", spellcheck="false"),
        label="Project",
        help_text="Its short name, as it stands in the project's address.",
    )
    role = forms.CharField(max_length=40, widget=forms.Select(choices=Role.choices, attrs={"class": "input"}))
    duration_days = forms.IntegerField(
        min_value=1,
        max_value=ACCESS_DAYS_MAX,
        initial=30,
        label="For",
        widget=forms.NumberInput(attrs={"class": "input"}),
        help_text="Days. The role ends by itself afterwards; owners may shorten it.",
    )
    reason = forms.CharField(
        max_length=500, widget=_text(2), help_text="What you need it for; owners read it."
    )

    def __init__(self, *args: Any, roles: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["role"]
        field.widget.choices = [*Role.choices, *roles]


class ApproveForm(forms.Form):
    days = forms.IntegerField(min_value=1, max_value=ACCESS_DAYS_MAX, required=False)
    reason = forms.CharField(max_length=500, required=False)


class ModelNewForm(forms.Form):
    name = forms.CharField(
        max_length=80,
        widget=_line(autofocus=True),
        help_text="For example Shelf detector. Versions are numbered by themselves.",
    )
    description = forms.CharField(
        max_length=4_000,
        required=False,
        widget=_text(),
        help_text="What the model is for, and on what it was trained.",
    )


class ModelEditForm(forms.Form):
    name = forms.CharField(max_length=80, widget=_line())
    description = forms.CharField(max_length=4_000, required=False, widget=_text())


class AliasForm(forms.ModelForm):
    version = forms.UUIDField()

    class Meta:
        model = ModelAlias
        fields = ["name"]


class FileForm(forms.Form):
    """A form around one file: `upload` names a complete upload; without JavaScript `file` carries the file itself."""

    upload = forms.UUIDField(required=False, widget=forms.HiddenInput)
    file = forms.FileField(required=False)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if not cleaned.get("upload") and not cleaned.get("file") and "file" not in self.errors:
            self.add_error("file", "Choose a file.")
        return cleaned


class VersionUploadForm(FileForm):
    model = forms.ModelChoiceField(
        queryset=RegisteredModel.objects.none(),
        required=False,
        widget=_select(),
        label="Model",
        empty_label="A new model",
        help_text="The file becomes the next version of this model.",
    )
    model_name = forms.CharField(
        max_length=80,
        required=False,
        widget=_line(),
        label="Name of the new model",
        help_text="Only when you chose a new model.",
    )
    notes = forms.CharField(
        max_length=4_000, required=False, widget=_text(), help_text="What is different about this version."
    )

    def __init__(self, *args: Any, actor: Actor, project: Project, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["model"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = models_visible(actor).filter(project=project).order_by("name")

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if (
            not cleaned.get("model")
            and not (cleaned.get("model_name") or "").strip()
            and "model" not in self.errors
        ):
            self.add_error("model_name", "Name the new model, or choose one that exists.")
        return cleaned


class DatasetUploadForm(FileForm):
    name = forms.CharField(
        max_length=80, widget=_line(), help_text="For example Shelves, November, day and night."
    )
    purpose = forms.ChoiceField(
        choices=DatasetPurpose.choices,
        widget=_select(),
        help_text="Evaluation sets measure accuracy and need labels; calibration sets tune quantisation and need images only.",
    )
    description = forms.CharField(max_length=4_000, required=False, widget=_text())


class DatasetVersionUploadForm(FileForm):
    notes = forms.CharField(
        max_length=4_000, required=False, widget=_text(), help_text="What is different about this version."
    )


class NotesForm(forms.Form):
    notes = forms.CharField(max_length=4_000, required=False, widget=_text())


class HandOverForm(forms.Form):
    """Who takes a project, and as what the former owner stays. Owners choose among the members."""

    owner = forms.ChoiceField(label="Who hands it over", choices=(), required=False, widget=_select())
    username = forms.CharField(label="New owner", max_length=60)
    stays_as = forms.ChoiceField(
        label="The former owner", choices=(), required=False, widget=_select(), help_text="From then on."
    )

    def __init__(
        self,
        *args: Any,
        members: list[tuple[str, str]],
        owners: list[tuple[str, str]],
        roles: list[tuple[str, str]],
        is_owner: bool,
        by_administrator: bool,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        fields: dict[str, Any] = self.fields
        fields["stays_as"].choices = [
            ("", "leaves the project"),
            *((key, f"stays as {label.lower()}") for key, label in roles),
        ]
        if is_owner:
            del fields["owner"]
        else:
            fields["owner"].choices = owners or [("", "Nobody owns it now")]
        if not by_administrator:
            fields["username"] = forms.ChoiceField(
                label="New owner", choices=members, widget=_select(), help_text="A member of the project."
            )
        else:
            fields["username"].widget = _line()
            fields["username"].help_text = "Account name of any active person."
