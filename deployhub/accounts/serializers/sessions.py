"""Sessions of browsers."""

from __future__ import annotations

from rest_framework import serializers

from deployhub.accounts.browsers import device_words
from deployhub.accounts.models import UserSession


class SessionSerializer(serializers.Serializer):
    """A browser that is, or was, signed in."""

    id = serializers.UUIDField(help_text="Id of the session; audit events carry it.")
    device = serializers.SerializerMethodField(help_text="Browser and system in words.")
    factor = serializers.CharField(help_text="What completed the sign-in: password, totp, passkey …")
    address = serializers.CharField(help_text="Address that it was signed in from.")
    created_at = serializers.DateTimeField(help_text="When it was signed in (UTC).")
    last_seen_at = serializers.DateTimeField(help_text="Last use, to the minute (UTC).")
    last_seen_address = serializers.CharField(help_text="Address of the last use.")
    ended_at = serializers.DateTimeField(allow_null=True, help_text="When it ended, if it was ended (UTC).")
    end_reason = serializers.CharField(help_text="Why it ended; empty while it lives.")
    is_current = serializers.SerializerMethodField(help_text="Whether this very request belongs to it.")
    is_open = serializers.SerializerMethodField(help_text="Whether its next request would be accepted.")

    def get_device(self, session: UserSession) -> str:
        return device_words(session.user_agent)

    def get_is_current(self, session: UserSession) -> bool:
        return str(session.pk) == self.context.get("session_id", "")

    def get_is_open(self, session: UserSession) -> bool:
        return bool(getattr(session, "is_open", session.ended_at is None))


class SessionsEndedSerializer(serializers.Serializer):
    ended = serializers.IntegerField(help_text="How many sessions were ended.")
