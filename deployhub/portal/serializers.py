"""How the portal's nouns look in the API."""

from __future__ import annotations

from rest_framework import serializers

from deployhub.portal.vocab import Verdict


class CheckSerializer(serializers.Serializer):
    name = serializers.CharField(help_text="The part that was looked at.")
    verdict = serializers.ChoiceField(
        choices=[(v.value, v.value) for v in Verdict], help_text="ok, degraded or down."
    )
    found = serializers.CharField(help_text="What was found.")
    advice = serializers.CharField(help_text="What to do about it; empty when all is well.", allow_blank=True)


class SystemSerializer(serializers.Serializer):
    versions = serializers.DictField(
        child=serializers.CharField(), help_text="Versions of what runs the web process."
    )
    checks = CheckSerializer(many=True, help_text="Each part of the installation with a verdict.")
