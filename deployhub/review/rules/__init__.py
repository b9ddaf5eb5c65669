"""The review rules, one file each. A file that is put here is found; each holds one `RULE`."""

from __future__ import annotations

import importlib
import pkgutil

from deployhub.review.watch.rule import Rule
from deployhub.review.watch.vocab import Severity

_ORDER = {Severity.HIGH: 0, Severity.MEDIUM: 1, Severity.LOW: 2}


def _found() -> dict[str, Rule]:
    rules = [
        importlib.import_module(f"{__name__}.{entry.name}").RULE for entry in pkgutil.iter_modules(__path__)
    ]
    return {rule.key: rule for rule in sorted(rules, key=lambda rule: (_ORDER[rule.severity], rule.label))}


RULES: dict[str, Rule] = _found()
