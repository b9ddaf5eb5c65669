"""Filters of the audit log: one set for the page and the API, for saved searches, exports and holds."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from ipaddress import IPv4Network, ip_address, ip_network
from typing import Any

import django_filters as filters
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.forms import CharField

from deployhub.audit.models import AuditEvent
from deployhub.audit.selectors.search import actions_seen, events_indexed, events_with_text
from deployhub.audit.vocab import Operation, Outcome
from deployhub.kernel.actor import ActorKind, Door
from deployhub.kernel.clock import utc_now
from deployhub.kernel.errors import InvalidInput
from deployhub.kernel.ids import parse_id
from deployhub.review.selectors.conditions import group_condition, id_condition
from deployhub.review.vocab import TIME_PRESETS, ActionGroup

WIDEST_IPV4_BITS = 8
ADDRESS_BEGINNING = re.compile(r"((\d{1,3}\.){2}|(\d{1,3}\.){3}(\d{1,3})?)$", re.ASCII)
"""Words that begin an address: `10.3.`, `10.3.7.12`."""


def network_prefixes(text: str) -> tuple[list[str], bool]:
    """A network as the beginnings of its addresses, or one address: (texts, whether they are whole).

    Raises ValidationError for what is neither, and for an IPv4 network wider than /8.
    """
    try:
        if "/" not in text:
            return [str(ip_address(text))], True
        network = ip_network(text, strict=False)
    except ValueError as error:
        raise ValidationError("Give an address (10.1.2.3) or a network (10.1.0.0/16).") from error
    if isinstance(network, IPv4Network):
        if network.prefixlen < WIDEST_IPV4_BITS:
            raise ValidationError(f"Give a network of at least /{WIDEST_IPV4_BITS}.")
        octets = -(-network.prefixlen // 8)
        if octets == 4:
            return [str(address) for address in network], True
        parts = network.subnets(new_prefix=octets * 8)
        return [".".join(str(part.network_address).split(".")[:octets]) + "." for part in parts], False
    groups, rest = divmod(network.prefixlen, 16)
    words = network.network_address.exploded.split(":")[:groups]
    if rest or not groups or any(int(word, 16) == 0 for word in words):
        raise ValidationError("Give an IPv6 network of whole groups without zeros, such as 2001:db8::/32.")
    return [":".join(f"{int(word, 16):x}" for word in words) + ":"], False


class NetworkField(CharField):
    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        return network_prefixes(text) if text else None


class NetworkFilter(filters.Filter):
    field_class = NetworkField

    def filter(self, qs: QuerySet, value: Any) -> QuerySet:
        if not value:
            return qs
        texts, whole = value
        if whole:
            return qs.filter(address__in=texts)
        condition = Q()
        for text in texts:
            condition |= Q(address__startswith=text)
        return events_indexed(qs, condition)


class AuditEventFilter(filters.FilterSet):
    group = filters.ChoiceFilter(
        choices=ActionGroup.choices,
        method="filter_group",
        label="Group of actions",
        empty_label="Every group",
    )
    action = filters.CharFilter(method="filter_action", label="Action, or its beginning (`version.`)")
    outcome = filters.ChoiceFilter(choices=Outcome.choices, empty_label="Every outcome")
    operation = filters.ChoiceFilter(choices=Operation.choices, empty_label="Every operation")
    door = filters.ChoiceFilter(choices=[(d.value, d.value) for d in Door], empty_label="Every door")
    actor = filters.UUIDFilter(field_name="actor_id", label="Account id")
    actor_kind = filters.ChoiceFilter(choices=[(k.value, k.value) for k in ActorKind], label="Kind of actor")
    auth_method = filters.CharFilter(
        label="How they proved who they are: password, totp, passkey, oidc, token"
    )
    token = filters.UUIDFilter(field_name="token_id", label="Token id")
    address = NetworkFilter(label="Address, or network (10.1.0.0/16)")
    object_type = filters.CharFilter(label="Kind of object")
    object_id = filters.CharFilter(label="Object id")
    project = filters.UUIDFilter(field_name="project_id", label="Project id")
    job = filters.UUIDFilter(field_name="job_id", label="Job id")
    request = filters.CharFilter(field_name="request_id", label="Request id")
    since = filters.IsoDateTimeFilter(field_name="at", lookup_expr="gte", label="From this time (ISO 8601)")
    until = filters.IsoDateTimeFilter(field_name="at", lookup_expr="lt", label="Before this time (ISO 8601)")

    last = filters.ChoiceFilter(
        choices=[(key, label) for key, (label, _) in TIME_PRESETS.items()],
        method="filter_last",
        label="Up to now, from so long ago",
        empty_label="Any time",
    )
    # The last one: it looks at what the others leave.
    q = filters.CharFilter(
        method="filter_text", label="Words in actor, action, object, address or reason; or an id"
    )

    class Meta:
        model = AuditEvent
        fields: list[str] = []

    def filter_text(self, queryset: QuerySet, name: str, value: str) -> QuerySet:
        text = " ".join(value.replace("\0", " ").split())
        if not text:
            return queryset
        known = parse_id(text)
        if known is not None:
            return queryset.filter(id_condition(known))
        if ADDRESS_BEGINNING.match(text):
            return events_indexed(queryset, Q(address__startswith=text))
        return events_with_text(queryset, text)

    def filter_last(self, queryset: QuerySet, name: str, value: str) -> QuerySet:
        return queryset.filter(at__gte=utc_now() - TIME_PRESETS[value][1])

    def filter_group(self, queryset: QuerySet, name: str, value: str) -> QuerySet:
        return queryset.filter(group_condition(value))

    def filter_action(self, queryset: QuerySet, name: str, value: str) -> QuerySet:
        fitting = [action for action in actions_seen() if action.startswith(value)]
        return queryset.filter(action__in=fitting)


def query_kept(parameters: Mapping[str, str]) -> dict[str, str]:
    """The filters among a request's parameters, without empty ones and without what is not a filter."""
    return {name: parameters[name] for name in AuditEventFilter.base_filters if parameters.get(name)}


def time_range(filterset: AuditEventFilter) -> tuple[datetime | None, datetime | None]:
    """From when to when a valid filterset looks; None where it is open."""
    asked = filterset.form.cleaned_data
    since, until = asked.get("since"), asked.get("until")
    if asked.get("last"):
        begin = utc_now() - TIME_PRESETS[asked["last"]][1]
        since = max(since, begin) if since else begin
    return since, until


def query_valid(query: Mapping[str, str]) -> dict[str, str]:
    """The filters in `query`, without empty ones. Raises InvalidInput for what is no filter, or not a valid value."""
    unknown = sorted(set(query) - set(AuditEventFilter.base_filters))
    if unknown:
        raise InvalidInput(
            "There is no such filter.", errors={"query": [f"Not a filter: {', '.join(unknown)}."]}
        )
    kept = {name: str(value) for name, value in query.items() if value not in ("", None)}
    filterset = AuditEventFilter(kept, queryset=AuditEvent.objects.none())
    if not filterset.is_valid():
        sentences = [f"{name}: {' '.join(errors)}" for name, errors in filterset.errors.items()]
        raise InvalidInput("A filter is not valid.", errors={"query": sentences})
    return kept


def events_fitting(query: dict[str, str], events: QuerySet[AuditEvent]) -> QuerySet[AuditEvent]:
    """Every one of `events` that fits a valid query; words are looked for in all of them, however long it takes."""
    return WholeLogFilter(query, queryset=events).qs


class WholeLogFilter(AuditEventFilter):
    """The same filters for work that has time: no search ends at the newest events."""

    def filter_text(self, queryset: QuerySet, name: str, value: str) -> QuerySet:
        text = " ".join(value.replace("\0", " ").split())
        known = parse_id(text)
        if not text or known is not None:
            return super().filter_text(queryset, name, value)
        return events_with_text(queryset, text, whole=True)
