"""That a token was used, and from where. Written at most once a minute: an automation's every call is no write."""

from __future__ import annotations

from datetime import timedelta
from ipaddress import ip_address, ip_network

from deployhub.accounts.models import ApiToken, TokenNetwork
from deployhub.accounts.vocab import TOKEN_NETWORKS_SEEN_MAX
from deployhub.kernel.clock import utc_now

LAST_USE_STEP = timedelta(minutes=1)
IPV4_NETWORK_BITS = 24
IPV6_NETWORK_BITS = 48


def token_use_note(token: ApiToken, address: str) -> None:
    now = utc_now()
    is_elsewhere = token.last_used_address != address
    if token.last_used_at is not None and now - token.last_used_at <= LAST_USE_STEP and not is_elsewhere:
        return
    ApiToken.objects.filter(pk=token.pk).unaudited_update(last_used_at=now, last_used_address=address[:64])
    network = network_of(address)
    if not network or TokenNetwork.objects.filter(token=token, network=network).update(last_used_at=now):
        return
    if TokenNetwork.objects.filter(token=token).count() < TOKEN_NETWORKS_SEEN_MAX:
        TokenNetwork.objects.get_or_create(token=token, network=network, defaults={"last_used_at": now})


def network_of(address: str) -> str:
    """The network that an address stands for: its /24, its /48 with IPv6; empty where it is no address."""
    try:
        known = ip_address(address)
    except ValueError:
        return ""
    known = getattr(known, "ipv4_mapped", None) or known
    bits = IPV4_NETWORK_BITS if known.version == 4 else IPV6_NETWORK_BITS
    return str(ip_network(f"{known}/{bits}", strict=False))
