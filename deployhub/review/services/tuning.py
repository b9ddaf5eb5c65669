"""Thresholds and mutes of rules. Both are audited, shown to everybody who reviews, and watched by a rule themselves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from datetime import timedelta
from typing import Any

from deployhub.audit.scope import touch
from deployhub.kernel.actor import Actor
from deployhub.kernel.clock import utc_now
from deployhub.kernel.errors import Conflict, InvalidInput
from deployhub.review.models import RuleSetting
from deployhub.review.watch.rule import Rule
from deployhub.review.watch.vocab import MUTE_DAYS_MAX
from deployhub.usecase import usecase

TEXT_CHARACTERS_MAX = 300


def _setting(rule: Rule) -> RuleSetting:
    return RuleSetting.objects.select_for_update().filter(rule=rule.key).first() or RuleSetting(rule=rule.key)


def thresholds_clean(rule: Rule, given: Mapping[str, Any]) -> dict[str, Any]:
    """The given thresholds, checked one by one. Raises InvalidInput with a sentence for each that is not valid."""
    known = {entry.name: entry for entry in fields(rule.limits)}
    errors: dict[str, list[str]] = {}
    clean: dict[str, Any] = {}
    for name, value in given.items():
        entry = known.get(name)
        if entry is None:
            errors[name] = ["This rule has no such threshold."]
        elif isinstance(entry.default, bool):
            clean[name] = value
            if not isinstance(value, bool):
                errors[name] = ["Yes or no."]
        elif isinstance(entry.default, int):
            least, most = entry.metadata["least"], entry.metadata["most"]
            clean[name] = value
            if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
                errors[name] = [f"A whole number from {least} to {most}."]
        else:
            clean[name] = value
            if not isinstance(value, str) or len(value) > TEXT_CHARACTERS_MAX:
                errors[name] = [f"Text of at most {TEXT_CHARACTERS_MAX} characters."]
    if errors:
        raise InvalidInput("Some thresholds are not valid.", errors=errors)
    return clean


@usecase("rule.update")
def rule_tune(*, actor: Actor, rule: Rule, thresholds: Mapping[str, Any], reason: str = "") -> RuleSetting:
    """Set thresholds; those that are not given stay. They hold for events from now on."""
    clean = thresholds_clean(rule, thresholds)
    setting = _setting(rule)
    kept = {**setting.thresholds, **clean}
    defaults = {entry.name: entry.default for entry in fields(rule.limits)}
    setting.thresholds = {name: value for name, value in kept.items() if defaults.get(name) != value}
    setting.save()
    touch(setting)
    return setting


@usecase("rule.mute")
def rule_mute(*, actor: Actor, rule: Rule, days: int, reason: str) -> RuleSetting:
    """Keep a rule quiet for some days: what it finds meanwhile is kept aside. The mute ends by itself."""
    if not 1 <= days <= MUTE_DAYS_MAX:
        sentence = f"A rule is muted for 1 to {MUTE_DAYS_MAX} days."
        raise InvalidInput(sentence, errors={"days": [sentence]})
    if len(reason.strip()) < 3:
        raise InvalidInput("A reason is missing.", errors={"reason": ["Say why it may be quiet."]})
    setting = _setting(rule)
    setting.muted_until = utc_now() + timedelta(days=days)
    setting.muted_by_name = actor.name[:200]
    setting.mute_reason = reason.strip()[:300]
    setting.save()
    return setting


@usecase("rule.mute")
def rule_unmute(*, actor: Actor, rule: Rule, reason: str = "") -> RuleSetting:
    """End a mute before its time."""
    setting = _setting(rule)
    if not setting.is_muted:
        raise Conflict("This rule is not muted.")
    setting.muted_until, setting.muted_by_name, setting.mute_reason = None, "", ""
    setting.save()
    return setting
