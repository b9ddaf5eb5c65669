"""The security policy, and whom it would reach."""

from __future__ import annotations

from rest_framework import serializers

from deployhub.accounts.models.security_policy import ROLES_OF_DEMAND


class MfaDemandSerializer(serializers.Serializer):
    mfa_required_for_all = serializers.BooleanField(
        default=False, help_text="Whether everybody must have a second factor."
    )
    mfa_required_roles = serializers.ListField(
        child=serializers.ChoiceField(choices=ROLES_OF_DEMAND),
        default=list,
        help_text="Whose holders must have a second factor.",
    )


class MfaReachSerializer(serializers.Serializer):
    people = serializers.IntegerField(help_text="Active people whom the demand reaches.")
    without_second_factor = serializers.IntegerField(help_text="How many of them have no second factor yet.")


class SecurityPolicyUpdateSerializer(serializers.Serializer):
    """What is left out stays as it is."""

    mfa_required_for_all = serializers.BooleanField(
        required=False, help_text="Whether everybody must have a second factor."
    )
    mfa_required_roles = serializers.ListField(
        child=serializers.ChoiceField(choices=ROLES_OF_DEMAND),
        required=False,
        help_text="Whose holders must have a second factor.",
    )
    mfa_grace_days = serializers.IntegerField(
        min_value=0, max_value=90, required=False, help_text="Days to set one up, from the day of the demand."
    )
    step_up_minutes = serializers.IntegerField(
        min_value=1, max_value=10, required=False, help_text="So long a second factor stays fresh."
    )
    session_idle_minutes = serializers.IntegerField(
        min_value=5, max_value=1440, required=False, help_text="A session without use ends after it."
    )
    session_absolute_hours = serializers.IntegerField(
        min_value=1, max_value=168, required=False, help_text="Every session ends after it."
    )


class SecurityPolicySerializer(serializers.Serializer):
    """What the installation demands of everybody who signs in."""

    mfa_required_for_all = serializers.BooleanField(help_text="Whether everybody must have a second factor.")
    mfa_required_roles = serializers.ListField(
        child=serializers.ChoiceField(choices=ROLES_OF_DEMAND),
        help_text="Whose holders must have a second factor.",
    )
    mfa_grace_days = serializers.IntegerField(help_text="Days to set one up, from the day of the demand.")
    step_up_minutes = serializers.IntegerField(help_text="So long a second factor stays fresh, in minutes.")
    session_idle_minutes = serializers.IntegerField(help_text="A session without use ends after it.")
    session_absolute_hours = serializers.IntegerField(help_text="Every session ends after it.")
