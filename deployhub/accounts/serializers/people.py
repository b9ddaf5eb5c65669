"""Bodies of resets and of leaving."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from deployhub.accounts.models import MfaReset


class SuccessorSerializer(serializers.Serializer):
    project_id = serializers.UUIDField(help_text="Project that the person alone owns.")
    username = serializers.CharField(max_length=60, help_text="Account that becomes its owner.")


class UserDeactivateSerializer(serializers.Serializer):
    successors = SuccessorSerializer(
        many=True, required=False, default=list, help_text="New owners of what the person alone owns."
    )


class MfaResetSerializer(serializers.Serializer):
    """The reset of a second factor, asked for by one administrator and decided by another."""

    id = serializers.UUIDField(help_text="Id of the reset.")
    user_id = serializers.UUIDField(help_text="Whose second factor.")
    username = serializers.CharField(source="user.username", help_text="Their name to sign in with.")
    requested_by = serializers.SerializerMethodField(help_text="Name of the administrator who asked.")
    reason = serializers.CharField(help_text="Why, in their words.")
    state = serializers.SerializerMethodField(
        help_text="waiting, confirmed, declined, withdrawn, stopped or lapsed."
    )
    decided_by = serializers.SerializerMethodField(help_text="Who decided; null while it waits.")
    created_at = serializers.DateTimeField(help_text="When it was asked for (UTC).")
    ends_at = serializers.DateTimeField(help_text="Until when it waits (UTC).")
    decided_at = serializers.DateTimeField(allow_null=True, help_text="When it was decided (UTC).")

    def get_requested_by(self, reset: MfaReset) -> str | None:
        return reset.requested_by.username if reset.requested_by is not None else None

    def get_decided_by(self, reset: MfaReset) -> str | None:
        return reset.decided_by.username if reset.decided_by is not None else None

    def get_state(self, reset: MfaReset) -> str:
        return reset.shown_state


class MfaResetCreate(serializers.Serializer):
    user = serializers.UUIDField(help_text="Id of the account.")
    reason = serializers.CharField(max_length=500, help_text="Why, and how you know that it is them who ask.")


class MfaResetDoneSerializer(serializers.Serializer):
    """A confirmed reset, with the one-time password that is shown this once."""

    reset = MfaResetSerializer(help_text="The reset as it stands now.")
    one_time_password = serializers.SerializerMethodField(
        help_text="Give it to the person; it works for 72 hours and must be replaced at sign-in."
    )

    def get_one_time_password(self, done: Any) -> str:
        return str(self.context["one_time_password"])
