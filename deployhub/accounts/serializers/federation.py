"""Bodies of single sign-on: providers, mappings, identities."""

from __future__ import annotations

from rest_framework import serializers

from deployhub.accounts.models.federation import MAPPED_ROLES, IdentityProvider
from deployhub.accounts.services.single_sign_on.flow import redirect_address


class IdentityProviderUpdateSerializer(serializers.Serializer):
    """What is left out stays as it is."""

    name = serializers.CharField(max_length=60, required=False, help_text="Stands on the sign-in page.")
    issuer = serializers.CharField(max_length=300, required=False, help_text="As the provider writes it.")
    client_id = serializers.CharField(max_length=200, required=False, help_text="Who DeployHub is there.")
    client_secret = serializers.CharField(
        max_length=500,
        required=False,
        allow_blank=True,
        trim_whitespace=False,
        help_text="Its secret there; kept sealed, never shown. Empty: the present one stays.",
    )
    scopes = serializers.CharField(max_length=200, required=False, help_text="Separated by spaces.")
    groups_claim = serializers.CharField(
        max_length=100, required=False, allow_blank=True, help_text="The claim that holds the groups."
    )
    provisions = serializers.BooleanField(
        required=False, help_text="Whether somebody new gets an account at the first sign-in."
    )
    trusted_for_mfa = serializers.BooleanField(
        required=False, help_text="Whether a second factor that it tells of counts here."
    )
    mfa_values = serializers.ListField(
        child=serializers.CharField(max_length=100),
        required=False,
        max_length=20,
        help_text="Values of amr or acr that tell of a second factor.",
    )
    is_enabled = serializers.BooleanField(required=False, help_text="Whether it signs people in now.")


class IdentityProviderCreateSerializer(IdentityProviderUpdateSerializer):
    name = serializers.CharField(max_length=60, help_text="Stands on the sign-in page.")
    slug = serializers.SlugField(
        max_length=40, required=False, help_text="Short name in addresses; made of the name if left out."
    )
    issuer = serializers.CharField(max_length=300, help_text="As the provider writes it.")
    client_id = serializers.CharField(max_length=200, help_text="Who DeployHub is there.")


class IdentityProviderSerializer(serializers.Serializer):
    """An OpenID provider that signs people in; never its secret."""

    id = serializers.UUIDField(help_text="Id of the provider.")
    name = serializers.CharField(help_text="Stands on the sign-in page.")
    slug = serializers.CharField(help_text="Short name in addresses.")
    issuer = serializers.CharField(help_text="As the provider writes it.")
    client_id = serializers.CharField(help_text="Who DeployHub is there.")
    has_secret = serializers.BooleanField(help_text="Whether a secret is set.")
    scopes = serializers.CharField(help_text="Separated by spaces.")
    groups_claim = serializers.CharField(help_text="The claim that holds the groups.")
    provisions = serializers.BooleanField(help_text="Whether somebody new gets an account.")
    trusted_for_mfa = serializers.BooleanField(help_text="Whether its second factor counts here.")
    mfa_values = serializers.ListField(
        child=serializers.CharField(), help_text="Values of amr or acr that tell of a second factor."
    )
    is_enabled = serializers.BooleanField(help_text="Whether it signs people in now.")
    redirect_address = serializers.SerializerMethodField(help_text="Where it must send people back to.")

    def get_redirect_address(self, provider: IdentityProvider) -> str:
        return redirect_address(provider)


class ProviderFindingsSerializer(serializers.Serializer):
    """What a test of the connection found."""

    works = serializers.BooleanField(help_text="Whether people could be signed in by it.")
    problem = serializers.CharField(help_text="What stands in the way; empty for nothing.")
    host = serializers.CharField(help_text="Where people are sent to sign in.")
    keys = serializers.IntegerField(help_text="How many keys it publishes that may sign.")
    supports_pkce = serializers.BooleanField(help_text="Whether it says that it checks PKCE (S256).")
    sends_issuer = serializers.BooleanField(help_text="Whether its answers name it (RFC 9207).")


class GroupMappingCreateSerializer(serializers.Serializer):
    group = serializers.CharField(max_length=200, help_text="As the provider sends it.")
    role = serializers.ChoiceField(choices=MAPPED_ROLES, help_text="What its members get.")
    project_id = serializers.UUIDField(
        required=False, allow_null=True, help_text="Where; null for a role of the instance."
    )


class GroupMappingSerializer(serializers.Serializer):
    """Who is in this group gets this role."""

    id = serializers.UUIDField(help_text="Id of the mapping.")
    group = serializers.CharField(help_text="As the provider sends it.")
    role = serializers.ChoiceField(choices=MAPPED_ROLES, help_text="What its members get.")
    project_id = serializers.UUIDField(allow_null=True, help_text="Where; null for a role of the instance.")


class IdentitySerializer(serializers.Serializer):
    """Who one is at a provider."""

    id = serializers.UUIDField(help_text="Id of the identity.")
    provider_id = serializers.UUIDField(help_text="Id of the provider.")
    provider = serializers.CharField(source="provider.name", help_text="Its name.")
    subject = serializers.CharField(help_text="How the provider names the person.")
    created_at = serializers.DateTimeField(help_text="When it was linked (UTC).")
    last_used_at = serializers.DateTimeField(allow_null=True, help_text="The last sign-in by it (UTC).")
