"""Bodies of the toolchain API, field by field."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from deployhub.toolchains.selectors import Face


class ToolchainPlaceSerializer(serializers.Serializer):
    """One environment on one machine."""

    host = serializers.CharField(help_text="Machine of the worker.")
    state = serializers.CharField(help_text="ready, building, failed or missing.")
    reason = serializers.CharField(allow_blank=True, help_text="Why it is not ready.")
    lock_sha256 = serializers.CharField(
        allow_blank=True, help_text="Digest of the resolved list of packages."
    )
    python_version = serializers.CharField(allow_blank=True, help_text="Version of its Python.")
    size_bytes = serializers.IntegerField(allow_null=True, help_text="Length of its files, in bytes.")
    built_at = serializers.DateTimeField(allow_null=True, help_text="When it was made (UTC).")
    smoke = serializers.DictField(help_text="What its last smoke test saw.")
    versions = serializers.DictField(child=serializers.CharField(), help_text="Packages and their versions.")
    job = serializers.UUIDField(allow_null=True, help_text="Id of the last job that touched it.")


class ToolchainSerializer(serializers.Serializer):
    """A declared toolchain and its environments."""

    name = serializers.CharField(help_text="Key and Ultralytics release.")
    key = serializers.CharField(help_text="Key.")
    label = serializers.CharField(help_text="Name as people see it.")  # type: ignore[assignment]
    release = serializers.CharField(help_text="Ultralytics release.")
    state = serializers.CharField(
        help_text="ready, building, failed, missing, declared (made on first use) or needs (see missing)."
    )
    missing = serializers.CharField(allow_blank=True, help_text="What the workers lack for it.")
    formats = serializers.ListField(
        child=serializers.CharField(), help_text="Keys of the formats that it makes."
    )
    python = serializers.ListField(
        child=serializers.CharField(), help_text="Python versions that it can be made with."
    )
    requirements = serializers.ListField(
        child=serializers.CharField(), help_text="Packages, as they are declared."
    )
    licence = serializers.CharField(help_text="Licences of its packages.")
    hardware = serializers.CharField(help_text="What it runs on.")
    places = ToolchainPlaceSerializer(many=True, help_text="Its environments.")

    def to_representation(self, instance: Face) -> dict[str, Any]:
        declared = instance.declared
        return {
            "name": declared.name,
            "key": declared.key,
            "label": declared.label,
            "release": declared.release.version,
            "state": instance.state,
            "missing": instance.missing,
            "formats": list(declared.formats),
            "python": list(declared.python),
            "requirements": list(declared.all_requirements) if declared.builds else [],
            "licence": declared.licence,
            "hardware": declared.hardware,
            "places": [
                {
                    "host": place.host,
                    "state": place.shown_state,
                    "reason": place.shown_reason,
                    "lock_sha256": place.lock_sha256,
                    "python_version": place.python_version,
                    "size_bytes": place.size_bytes,
                    "built_at": place.built_at.isoformat().replace("+00:00", "Z") if place.built_at else None,
                    "smoke": place.smoke,
                    "versions": place.versions,
                    "job": str(place.job_id) if place.job_id else None,
                }
                for place in instance.places
            ],
        }
