"""How the seal over the audit log looks in the API."""

from __future__ import annotations

from rest_framework import serializers


class SignedCheckpointSerializer(serializers.Serializer):
    checkpoint = serializers.DictField(
        help_text="What was signed: sequence, size, root, previous, time, key and log."
    )
    signature = serializers.CharField(help_text="Ed25519 over the canonical JSON of `checkpoint`, in hex.")
    public_key = serializers.CharField(help_text="The key's public half in hex; get it by another way, too.")


class InclusionProofSerializer(serializers.Serializer):
    index = serializers.IntegerField(help_text="The event's place in the sealed order.")
    leaf = serializers.DictField(help_text="The event as it was sealed, with its id and code.")
    path = serializers.ListField(
        child=serializers.CharField(), help_text="Digests from the leaf up to the root (RFC 6962)."
    )
    personal = serializers.DictField(
        help_text="Salts and fields that open the digests of the personal parts; missing where they were erased."
    )
    signed = SignedCheckpointSerializer()


class ConsistencyProofSerializer(serializers.Serializer):
    first = SignedCheckpointSerializer(help_text="The earlier checkpoint.")
    second = SignedCheckpointSerializer(help_text="The later checkpoint.")
    path = serializers.ListField(
        child=serializers.CharField(), help_text="Digests that lead from one root to the other."
    )


class SigningKeySerializer(serializers.Serializer):
    key_id = serializers.CharField(help_text="The first 16 hex digits of the public key's SHA-256.")
    public_key = serializers.CharField(help_text="Ed25519, in hex.")
    statement = serializers.DictField(help_text="What the key says of the one before it.")
    own_signature = serializers.CharField(help_text="The key's own signature under the statement.")
    previous_signature = serializers.CharField(
        help_text="The previous key's signature; empty if it was lost.", allow_blank=True
    )
    endorsed = serializers.BooleanField(help_text="False: a succession without signature.")
    created_at = serializers.DateTimeField()
