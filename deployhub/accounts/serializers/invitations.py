"""Bodies of invitations."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from deployhub.accounts.models import Invitation
from deployhub.accounts.services.invitations import ROLE_DAYS_MAX
from deployhub.accounts.vocab import INVITATION_DAYS_DEFAULT, INVITATION_DAYS_MAX


class InvitationSerializer(serializers.Serializer):
    """An invitation; its code is never part of it."""

    id = serializers.UUIDField(help_text="Id of the invitation.")
    email = serializers.CharField(help_text="Address that the link was meant for; empty for a link alone.")
    note = serializers.CharField(help_text="A word to the person.")
    invited_by = serializers.SerializerMethodField(help_text="Name of who invited.")
    project_id = serializers.UUIDField(allow_null=True, help_text="Project that it leads into, if any.")
    role = serializers.CharField(help_text="Role in that project; empty without a project.")
    role_days = serializers.IntegerField(
        allow_null=True, help_text="Days from the acceptance until the role ends; null for no end."
    )
    is_administrator = serializers.BooleanField(help_text="Global role: administrator.")
    is_auditor = serializers.BooleanField(help_text="Global role: auditor.")
    state = serializers.SerializerMethodField(help_text="pending, accepted, revoked, not_granted or expired.")
    withheld = serializers.CharField(help_text="What was not granted at its acceptance, and why.")
    created_at = serializers.DateTimeField(help_text="When it was made (UTC).")
    expires_at = serializers.DateTimeField(help_text="From then on it opens nothing (UTC).")
    accepted_by = serializers.SerializerMethodField(help_text="Account that accepted it; null if none did.")
    accepted_at = serializers.DateTimeField(allow_null=True, help_text="When it was accepted (UTC).")

    def get_invited_by(self, row: Invitation) -> str | None:
        return row.invited_by.username if row.invited_by is not None else None

    def get_accepted_by(self, row: Invitation) -> str | None:
        return row.accepted_by.username if row.accepted_by is not None else None

    def get_state(self, row: Invitation) -> str:
        return row.shown_state


class InvitationCreate(serializers.Serializer):
    email = serializers.EmailField(
        max_length=254, default="", allow_blank=True, help_text="Where the link is sent, if mail goes out."
    )
    project = serializers.UUIDField(
        required=False, allow_null=True, default=None, help_text="Project that it leads into."
    )
    role = serializers.CharField(
        max_length=40, default="", allow_blank=True, help_text="Role in that project."
    )
    role_days = serializers.IntegerField(
        min_value=1,
        max_value=ROLE_DAYS_MAX,
        allow_null=True,
        default=None,
        help_text="Days from the acceptance until the role ends; null for no end.",
    )
    is_administrator = serializers.BooleanField(
        default=False, help_text="Global role: administrator. Only administrators give it."
    )
    is_auditor = serializers.BooleanField(
        default=False, help_text="Global role: auditor. Only administrators give it."
    )
    days = serializers.IntegerField(
        min_value=1,
        max_value=INVITATION_DAYS_MAX,
        default=INVITATION_DAYS_DEFAULT,
        help_text="Days that the invitation holds.",
    )
    note = serializers.CharField(
        max_length=500, default="", allow_blank=True, help_text="A word to the person."
    )


class InvitationMadeSerializer(InvitationSerializer):
    """An invitation with its link, which is shown this once."""

    link = serializers.SerializerMethodField(help_text="Give it to the person; it works once.")
    was_sent = serializers.SerializerMethodField(help_text="Whether it was sent to the address.")

    def get_link(self, row: Invitation) -> str:
        return str(self.context["link"])

    def get_was_sent(self, row: Invitation) -> bool:
        return bool(self.context["was_sent"])


class InvitationAcceptSerializer(serializers.Serializer):
    code = serializers.CharField(max_length=200, help_text="What stands behind the # of the link.")


class InvitationAcceptedSerializer(serializers.Serializer):
    granted = serializers.ListField(child=serializers.CharField(), help_text="What the account got.")
    withheld = serializers.ListField(child=serializers.CharField(), help_text="What it did not get, and why.")

    def to_representation(self, instance: Any) -> dict[str, Any]:
        return {"granted": instance.granted, "withheld": instance.withheld}
