"""How roles, requests and reach look in the API."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from deployhub.access.vocab import CUSTOM_ROLE_PERMISSIONS, RequestState, Role
from deployhub.registry.vocab import ACCESS_DAYS_MAX


def _at(moment: Any) -> str | None:
    return moment.isoformat().replace("+00:00", "Z") if moment is not None else None


def _name(person: Any) -> str | None:
    return person.username if person is not None else None


class RoleSerializer(serializers.Serializer):
    key = serializers.CharField(help_text="Name of the role in requests.")
    name = serializers.CharField(help_text="Name as people see it.")
    description = serializers.CharField(help_text="What it is for.")
    permissions = serializers.ListField(
        child=serializers.CharField(), help_text="Everything that it may do in a project."
    )


class CustomRoleSerializer(serializers.Serializer):
    id = serializers.UUIDField(help_text="Id of the role.")
    slug = serializers.CharField(help_text="Short name: what stands as the role of a member.")
    name = serializers.CharField(help_text="Name as people see it.")
    description = serializers.CharField(help_text="What it is for.")
    permissions = serializers.ListField(child=serializers.CharField(), help_text="Everything that it may do.")
    member_count = serializers.IntegerField(help_text="Members who have it.")
    created_at = serializers.DateTimeField(help_text="When it was made (UTC).")

    def to_representation(self, instance: Any) -> dict[str, Any]:
        return {
            "id": str(instance.pk),
            "slug": instance.slug,
            "name": instance.name,
            "description": instance.description,
            "permissions": instance.permissions,
            "member_count": getattr(instance, "member_count", 0),
            "created_at": _at(instance.created_at),
        }


class CustomRoleCreate(serializers.Serializer):
    name = serializers.CharField(max_length=40, help_text="Name as people see it.")
    description = serializers.CharField(
        max_length=300, required=False, allow_blank=True, help_text="What it is for."
    )
    permissions = serializers.ListField(
        child=serializers.ChoiceField(choices=sorted(CUSTOM_ROLE_PERMISSIONS)),
        help_text="What it may do; never more than you may. project.view is always part of it.",
    )


class CustomRoleUpdate(CustomRoleCreate):
    name = serializers.CharField(max_length=40, required=False, help_text="New name; the short name stays.")
    permissions = serializers.ListField(
        child=serializers.ChoiceField(choices=sorted(CUSTOM_ROLE_PERMISSIONS)),
        required=False,
        help_text="What it may do from the next request on.",
    )


class AccessRequestSerializer(serializers.Serializer):
    id = serializers.UUIDField(help_text="Id of the request.")
    username = serializers.CharField(help_text="Account that asks.")
    project = serializers.CharField(help_text="Short name that was asked for.")
    role = serializers.CharField(help_text="Role that was asked for.")
    reason = serializers.CharField(help_text="Why.")
    duration_days = serializers.IntegerField(help_text="For how many days.")
    state = serializers.ChoiceField(
        choices=RequestState.choices, help_text="waiting, approved, declined, withdrawn or lapsed."
    )
    granted_days = serializers.IntegerField(allow_null=True, help_text="Days that were granted.")
    decision_reason = serializers.CharField(help_text="What the decider wrote.")
    created_at = serializers.DateTimeField(help_text="When it was asked (UTC).")
    decided_at = serializers.DateTimeField(allow_null=True, help_text="When it was decided (UTC).")

    def to_representation(self, instance: Any) -> dict[str, Any]:
        return {
            "id": str(instance.pk),
            "username": instance.user.username,
            "project": instance.slug,
            "role": instance.role,
            "reason": instance.reason,
            "duration_days": instance.duration_days,
            "state": instance.state,
            "granted_days": instance.granted_days,
            "decision_reason": instance.decision_reason,
            "created_at": _at(instance.created_at),
            "decided_at": _at(instance.decided_at),
        }


class AccessRequestCreate(serializers.Serializer):
    project = serializers.SlugField(
        max_length=60, source="slug", help_text="Short name of the project. Whether it exists is not told."
    )
    role = serializers.CharField(
        max_length=40, help_text=f"Role: {', '.join(Role.values)}, or in your own project one of its own."
    )
    reason = serializers.CharField(max_length=500, help_text="Why; the owners read it.")
    duration_days = serializers.IntegerField(
        min_value=1, max_value=ACCESS_DAYS_MAX, help_text="For how many days."
    )


class Approval(serializers.Serializer):
    reason = serializers.CharField(max_length=500, required=False, allow_blank=True, help_text="A remark.")


class AccessApproval(Approval):
    days = serializers.IntegerField(
        min_value=1,
        max_value=ACCESS_DAYS_MAX,
        required=False,
        help_text="For how long; at most what was asked for, which is the default.",
    )


class Refusal(serializers.Serializer):
    reason = serializers.CharField(max_length=500, help_text="Why not; the person reads it.")


class AliasRequestSerializer(serializers.Serializer):
    id = serializers.UUIDField(help_text="Id of the request.")
    project = serializers.CharField(help_text="Short name of its project.")
    model = serializers.UUIDField(help_text="Model whose alias it is about.")
    name = serializers.CharField(help_text="Alias that shall point at the version.")
    version = serializers.UUIDField(help_text="Version that it shall point at.")
    version_number = serializers.IntegerField(help_text="Number of that version.")
    reason = serializers.CharField(help_text="What the asking person wrote.")
    requested_by = serializers.CharField(help_text="Account that asks.")
    state = serializers.ChoiceField(
        choices=RequestState.choices, help_text="waiting, approved, declined or withdrawn."
    )
    decided_by = serializers.CharField(allow_null=True, help_text="Account that decided.")
    decision_reason = serializers.CharField(help_text="What the decider wrote.")
    created_at = serializers.DateTimeField(help_text="When it was asked (UTC).")
    decided_at = serializers.DateTimeField(allow_null=True, help_text="When it was decided (UTC).")

    def to_representation(self, instance: Any) -> dict[str, Any]:
        return {
            "id": str(instance.pk),
            "project": instance.project.slug,
            "model": str(instance.model_id),
            "name": instance.name,
            "version": str(instance.version_id),
            "version_number": instance.version.number,
            "reason": instance.reason,
            "requested_by": instance.requested_by.username,
            "state": instance.state,
            "decided_by": _name(instance.decided_by),
            "decision_reason": instance.decision_reason,
            "created_at": _at(instance.created_at),
            "decided_at": _at(instance.decided_at),
        }


class AliasRequestCreate(serializers.Serializer):
    version = serializers.UUIDField(help_text="Id of an accepted version.")
    name = serializers.SlugField(
        max_length=40, help_text="Alias that needs a second person, such as champion."
    )
    reason = serializers.CharField(max_length=500, required=False, allow_blank=True, help_text="Why.")


class DutiesSet(serializers.Serializer):
    four_eyes = serializers.BooleanField(
        help_text="Whether the production alias needs another person than the version's maker."
    )


class WaySerializer(serializers.Serializer):
    kind = serializers.ChoiceField(
        choices=["direct", "custom", "global"],
        help_text="direct: a built-in role; custom: a role of the project; global: of the whole instance.",
    )
    role = serializers.CharField(help_text="Name of the role.")
    until = serializers.DateTimeField(allow_null=True, help_text="When it ends (UTC); null for never.")


class TokenReachSerializer(serializers.Serializer):
    label = serializers.CharField(help_text="What the token is for.")  # type: ignore[assignment]
    scopes = serializers.ListField(child=serializers.CharField(), help_text="Its scopes.")
    permissions = serializers.ListField(
        child=serializers.CharField(), help_text="What it may do in the project."
    )
    expires_at = serializers.DateTimeField(help_text="From then on it is refused (UTC).")
    last_used_at = serializers.DateTimeField(allow_null=True, help_text="Last use, to the minute (UTC).")

    def to_representation(self, instance: Any) -> dict[str, Any]:
        return {
            "label": instance.label,
            "scopes": instance.scopes,
            "permissions": sorted(instance.permissions),
            "expires_at": _at(instance.expires_at),
            "last_used_at": _at(instance.last_used_at),
        }


class ReachedSerializer(serializers.Serializer):
    username = serializers.CharField(help_text="Account.")
    name = serializers.CharField(help_text="Full name.")
    kind = serializers.CharField(help_text="person or service.")
    project = serializers.CharField(help_text="Short name of the project.")
    ways = WaySerializer(many=True, help_text="By which roles.")
    sees = serializers.BooleanField(help_text="Whether they see what is in the project.")
    downloads = serializers.BooleanField(help_text="Whether they download versions, artifacts or datasets.")
    changes = serializers.BooleanField(help_text="Whether they change anything.")
    permissions = serializers.ListField(
        child=serializers.CharField(), help_text="All that they may do there."
    )
    tokens = TokenReachSerializer(many=True, help_text="Usable tokens that reach the project.")
    last_access = serializers.DateTimeField(
        allow_null=True,
        help_text="Last event of theirs in the project (UTC); told of a person, not of a project.",
    )

    def to_representation(self, instance: Any) -> dict[str, Any]:
        return {
            "username": instance.user.username,
            "name": instance.user.display_name,
            "kind": instance.kind,
            "project": instance.project.slug,
            "ways": [{"kind": w.kind, "role": w.role, "until": _at(w.until)} for w in instance.ways],
            "sees": instance.sees,
            "downloads": instance.downloads,
            "changes": instance.changes,
            "permissions": sorted(instance.permissions),
            "tokens": TokenReachSerializer(instance.tokens, many=True).data,
            "last_access": _at(instance.last_access),
        }


class HandOver(serializers.Serializer):
    username = serializers.CharField(
        max_length=60, help_text="Account name of the new owner: a member; an administrator may name anybody."
    )
    owner = serializers.CharField(
        max_length=60,
        default="",
        allow_blank=True,
        help_text="Who gives it up; left out: oneself, or the only owner there is.",
    )
    stays_as = serializers.CharField(
        max_length=40,
        default="",
        allow_blank=True,
        help_text="The lesser role that the former owner keeps; empty: they leave.",
    )
