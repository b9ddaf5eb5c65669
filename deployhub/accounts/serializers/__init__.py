"""Bodies of the accounts API, field by field."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers

from deployhub.access.vocab import TokenScope
from deployhub.accounts.models import ApiToken, User
from deployhub.accounts.services.service_accounts import MACHINE_ROLES
from deployhub.accounts.vocab import (
    LEAK_FILE_BYTES_MAX,
    LEAK_TEXT_CHARACTERS_MAX,
    OVERLAP_MINUTES_DEFAULT,
    OVERLAP_MINUTES_MAX,
    TOKEN_LIFE_DAYS_DEFAULT,
    TOKEN_LIFE_DAYS_MAX,
    AccountKind,
    Revocation,
)
from deployhub.kernel.clock import utc_now


class ProjectRoleSerializer(serializers.Serializer):
    project_id = serializers.UUIDField(help_text="Id of the project.")
    project_slug = serializers.CharField(
        source="project.slug", help_text="Short name of the project in addresses."
    )
    project_name = serializers.CharField(source="project.name", help_text="Name of the project.")
    role = serializers.CharField(
        source="role_key", help_text="The role in this project: a built-in one, or the short name of its own."
    )
    expires_at = serializers.DateTimeField(allow_null=True, help_text="When it ends (UTC); null for never.")


class TokenSerializer(serializers.Serializer):
    """An API token; its text is never part of it."""

    id = serializers.UUIDField(help_text="Id of the token; it is part of the token's text too.")
    label = serializers.CharField(help_text="What the token is for.")  # type: ignore[assignment]
    scopes = serializers.ListField(
        child=serializers.ChoiceField(choices=TokenScope.choices), help_text="What the token may do at most."
    )
    permissions = serializers.ListField(
        child=serializers.CharField(), help_text="Single permissions that it carries beside its scopes."
    )
    project_ids = serializers.ListField(
        child=serializers.UUIDField(),
        help_text="Projects that the token is bound to; empty: all of its owner.",
    )
    networks = serializers.ListField(
        child=serializers.CharField(), help_text="Address ranges that it is accepted from; empty: everywhere."
    )
    rotates_itself = serializers.BooleanField(help_text="Whether it may make its own successor.")
    created_at = serializers.DateTimeField(help_text="When it was made (UTC).")
    expires_at = serializers.DateTimeField(help_text="From then on it is refused (UTC).")
    revoked_at = serializers.DateTimeField(allow_null=True, help_text="When it was revoked, if it was (UTC).")
    last_used_at = serializers.DateTimeField(allow_null=True, help_text="Last use, to the minute (UTC).")
    last_used_address = serializers.CharField(help_text="Address that it was last used from.")
    step_up_exempt = serializers.BooleanField(
        help_text="Whether an administrator let it act without a fresh second factor."
    )
    used_from = serializers.SerializerMethodField(help_text="Networks that it was used from, latest first.")
    rotated_at = serializers.DateTimeField(
        allow_null=True,
        help_text="When a successor was made, if one was; it works for the overlap only (UTC).",
    )
    predecessor_id = serializers.UUIDField(
        allow_null=True, help_text="Id of the token that this one replaces."
    )
    revocation = serializers.ChoiceField(
        choices=[("", "not revoked"), *Revocation.choices],
        help_text="Why it was revoked, where this is known.",
    )
    state = serializers.SerializerMethodField(help_text="usable, expired or revoked.")

    def get_used_from(self, token: ApiToken) -> list[str]:
        return [seen.network for seen in token.used_from.all()]

    def get_state(self, token: ApiToken) -> str:
        if token.revoked_at is not None:
            return "revoked"
        return "usable" if token.expires_at > utc_now() else "expired"


class TokenCreateSerializer(serializers.Serializer):
    label = serializers.CharField(max_length=80, help_text="What the token is for.")  # type: ignore[assignment]
    scopes = serializers.ListField(
        child=serializers.ChoiceField(choices=TokenScope.choices),
        default=list,
        help_text="What the token may do at most.",
    )
    permissions = serializers.ListField(
        child=serializers.CharField(max_length=60),
        default=list,
        help_text="Single permissions beside the scopes; at least one of either.",
    )
    project_ids = serializers.ListField(
        child=serializers.UUIDField(),
        default=list,
        help_text="Bind it to these projects; empty: all of yours.",
    )
    networks = serializers.ListField(
        child=serializers.CharField(max_length=60),
        default=list,
        help_text="Accept it from these address ranges only, such as 10.1.0.0/16; empty: from everywhere.",
    )
    life_days = serializers.IntegerField(
        min_value=1,
        max_value=TOKEN_LIFE_DAYS_MAX,
        default=TOKEN_LIFE_DAYS_DEFAULT,
        help_text="Days until it expires.",
    )


class TokenWaiveSerializer(serializers.Serializer):
    waived = serializers.BooleanField(
        help_text="True: the token acts without a fresh second factor. False: no longer."
    )


class ServiceTokenCreateSerializer(TokenCreateSerializer):
    project_ids = serializers.ListField(
        child=serializers.UUIDField(),
        default=list,
        help_text="Empty: the project that the account belongs to.",
    )
    rotates_itself = serializers.BooleanField(
        default=False, help_text="Whether it may make its own successor; see the documentation."
    )


class TokenRotateSerializer(serializers.Serializer):
    overlap_minutes = serializers.IntegerField(
        min_value=1,
        max_value=OVERLAP_MINUTES_MAX,
        default=OVERLAP_MINUTES_DEFAULT,
        help_text="How long the old token works on, in minutes.",
    )


class TokenMadeSerializer(TokenSerializer):
    """A new token with its text, which is shown this once."""

    token = serializers.SerializerMethodField(
        help_text="The token's text. Keep it now: it is not shown again."
    )

    def get_token(self, token: ApiToken) -> str:
        return str(self.context["token_text"])


class IssuedTokenSerializer(TokenSerializer):
    """Anybody's token, as administrators and auditors see it; never its text."""

    owner = serializers.CharField(source="user.username", help_text="Name of the account it belongs to.")
    owner_kind = serializers.ChoiceField(
        source="user.kind", choices=AccountKind.choices, help_text="A person's, or a service account's."
    )


class LeakReportSerializer(serializers.Serializer):
    text = serializers.CharField(
        max_length=LEAK_TEXT_CHARACTERS_MAX,
        trim_whitespace=False,
        help_text="The token that was found, with the text around it if you like.",
    )


class LeakReportedSerializer(serializers.Serializer):
    """The same answer whatever was sent."""

    detail = serializers.CharField(help_text="Thanks.")


class LeakCheckSerializer(serializers.Serializer):
    text = serializers.CharField(
        max_length=LEAK_FILE_BYTES_MAX, trim_whitespace=False, help_text="Any text; tokens are found in it."
    )
    revoke = serializers.BooleanField(default=True, help_text="Revoke what somebody could still use.")


class LeakFoundSerializer(serializers.Serializer):
    """A token of this installation that stood in the text."""

    was_usable = serializers.BooleanField(help_text="Whether somebody could have used it until now.")
    token = IssuedTokenSerializer(help_text="The token as it is now.")


class LeakCheckedSerializer(serializers.Serializer):
    found = LeakFoundSerializer(
        many=True, help_text="What was found; what only looks like a token is left out."
    )


class ServiceAccountSerializer(serializers.Serializer):
    """What a machine acts as: no password, no second factor, in by token alone."""

    id = serializers.UUIDField(help_text="Id of the service account.")
    user_id = serializers.UUIDField(help_text="Id of its account, as it stands in the audit log.")
    username = serializers.CharField(source="user.username", help_text="Its name.")
    name = serializers.CharField(source="user.name", help_text="Its full name.")
    purpose = serializers.CharField(help_text="What it is for.")
    project_id = serializers.UUIDField(help_text="Id of the project it belongs to.")
    project_slug = serializers.CharField(source="project.slug", help_text="Short name of that project.")
    responsible = serializers.CharField(source="responsible.username", help_text="Who answers for it.")
    is_active = serializers.BooleanField(
        source="user.is_active", help_text="Whether its tokens are accepted."
    )
    is_orphaned = serializers.BooleanField(help_text="Whether who answers for it is not active any more.")
    created_at = serializers.DateTimeField(help_text="When it was made (UTC).")


class ServiceAccountCreateSerializer(serializers.Serializer):
    username = serializers.CharField(
        max_length=60,
        validators=User._meta.get_field("username").validators,
        help_text="Its name: letters, digits and @ . + - _",
    )
    name = serializers.CharField(max_length=120, default="", allow_blank=True, help_text="Its full name.")
    purpose = serializers.CharField(max_length=300, help_text="What it is for, and where it runs.")
    project_id = serializers.UUIDField(help_text="Id of the project it belongs to, for good.")
    role = serializers.ChoiceField(
        choices=[(role.value, role.label) for role in MACHINE_ROLES], help_text="Its role in that project."
    )
    responsible = serializers.CharField(
        max_length=60, default="", allow_blank=True, help_text="Who answers for it; empty: you."
    )


class ServiceAccountUpdateSerializer(serializers.Serializer):
    """What is left out stays as it is."""

    purpose = serializers.CharField(max_length=300, required=False, help_text="What it is for.")
    responsible = serializers.CharField(max_length=60, required=False, help_text="Who answers for it now.")


@extend_schema_serializer(many=False)
class MeSerializer(serializers.Serializer):
    """Who asks, and what they may do."""

    id = serializers.UUIDField(help_text="Id of the account.")
    kind = serializers.ChoiceField(choices=AccountKind.choices, help_text="A person, or a service account.")
    username = serializers.CharField(help_text="Name to sign in with.")
    name = serializers.CharField(help_text="Full name.")
    email = serializers.CharField(help_text="Mail address.")
    is_administrator = serializers.BooleanField(help_text="Global role: administrator.")
    is_auditor = serializers.BooleanField(help_text="Global role: auditor.")
    second_factor = serializers.SerializerMethodField(help_text="Whether a second factor is set up.")
    roles = serializers.SerializerMethodField(help_text="Role by project.")
    token = serializers.SerializerMethodField(
        help_text="The token that was sent; null with a browser session."
    )

    def get_second_factor(self, user: User) -> bool:
        return bool(self.context["second_factor"])

    def get_roles(self, user: User) -> ProjectRoleSerializer(many=True):  # type: ignore[valid-type]
        return ProjectRoleSerializer(self.context["memberships"], many=True).data

    def get_token(self, user: User) -> TokenSerializer(allow_null=True):  # type: ignore[valid-type]
        token: Any = self.context["token"]
        return TokenSerializer(token).data if token is not None else None


class UserSerializer(serializers.Serializer):
    id = serializers.UUIDField(help_text="Id of the account.")
    username = serializers.CharField(help_text="Name to sign in with.")
    name = serializers.CharField(help_text="Full name.")
    email = serializers.CharField(help_text="Mail address.")
    is_active = serializers.BooleanField(help_text="Whether the person can sign in.")
    is_administrator = serializers.BooleanField(help_text="Global role: administrator.")
    is_auditor = serializers.BooleanField(help_text="Global role: auditor.")
    has_second_factor = serializers.BooleanField(help_text="Whether a second factor is set up.")
    must_change_password = serializers.BooleanField(
        help_text="Whether the password is still a one-time password."
    )
    created_at = serializers.DateTimeField(help_text="When the account was made (UTC).")
    last_login = serializers.DateTimeField(allow_null=True, help_text="Last sign-in (UTC).")


class UserCreateSerializer(serializers.Serializer):
    username = serializers.CharField(
        max_length=60,
        validators=User._meta.get_field("username").validators,
        help_text="Name to sign in with: letters, digits and @ . + - _",
    )
    name = serializers.CharField(max_length=120, default="", allow_blank=True, help_text="Full name.")
    email = serializers.EmailField(max_length=254, default="", allow_blank=True, help_text="Mail address.")
    is_administrator = serializers.BooleanField(default=False, help_text="Global role: administrator.")
    is_auditor = serializers.BooleanField(default=False, help_text="Global role: auditor.")


class UserUpdateSerializer(serializers.Serializer):
    """What is left out stays as it is."""

    name = serializers.CharField(max_length=120, required=False, allow_blank=True, help_text="Full name.")
    email = serializers.EmailField(
        max_length=254, required=False, allow_blank=True, help_text="Mail address."
    )
    is_administrator = serializers.BooleanField(required=False, help_text="Global role: administrator.")
    is_auditor = serializers.BooleanField(required=False, help_text="Global role: auditor.")


class UserPasswordSerializer(UserSerializer):
    """An account with a new one-time password, which is shown this once."""

    one_time_password = serializers.SerializerMethodField(
        help_text="Give it to the person; it is not shown again and must be replaced at sign-in."
    )

    def get_one_time_password(self, user: User) -> str:
        return str(self.context["one_time_password"])
