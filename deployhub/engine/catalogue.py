"""The catalogue: every format that was found, as one JSON document for the web world."""

from __future__ import annotations

import importlib
import pkgutil
import sys
from collections.abc import Callable, Iterable
from importlib import metadata
from typing import Any

from deployhub.engine import formats
from deployhub.engine.checks.budget import BUDGET_FIELDS
from deployhub.engine.fingerprint import toolchain_versions
from deployhub.engine.plugin import Format
from deployhub.engine.spec import EngineError, ErrorCode
from deployhub.engine.toolchains.declared import MAIN

ENTRY_POINT_GROUP = "deployhub.formats"
SCHEMA = 1
Warn = Callable[[str], None]


def _warn_on_stderr(text: str) -> None:
    sys.stderr.write(text + "\n")


def formats_discover(*, warn: Warn = _warn_on_stderr) -> dict[str, Format]:
    """Find formats in `deployhub/engine/formats` and among the entry points, by key.

    A plug-in that can't be imported or described is reported through `warn` and left out.
    The first format of a key wins, so that an entry point can't replace a built-in one.
    """
    found: dict[str, Format] = {}
    for origin, load in [*_built_in(), *_entry_points()]:
        try:
            for candidate in _listed(load()):
                candidate.describe()
                if candidate.key in found:
                    warn(f"Format {candidate.key!r} of {origin} is left out: that key is taken.")
                    continue
                found[candidate.key] = candidate
        except Exception as error:  # noqa: BLE001 - any failure of a plug-in stays its own
            warn(f"Format plug-in {origin} is left out: {type(error).__name__}: {error}")
    return found


def format_find(key: str) -> Format:
    """Look up one format. Raises EngineError `invalid_options` for an unknown key."""
    known = formats_discover(warn=lambda text: None)
    if key not in known:
        raise EngineError(
            ErrorCode.INVALID_OPTIONS,
            f"There is no format named {key!r}.",
            f"Choose one of {', '.join(name for name, entry in known.items() if not entry.available())}.",
        )
    return known[key]


def catalogue_build(*, warn: Warn = _warn_on_stderr) -> dict[str, Any]:
    """The whole catalogue as plain JSON values; formats that can be used here come first, the engine's own before all."""
    entries = [entry.describe() for entry in formats_discover(warn=warn).values()]
    return {
        "schema": SCHEMA,
        "engine": toolchain_versions(("ultralytics", "torch")),
        "budget": [dict(field) for field in BUDGET_FIELDS],
        "formats": sorted(entries, key=lambda entry: (not entry["available"], entry["toolchain"] != MAIN)),
    }


def _built_in() -> Iterable[tuple[str, Callable[[], object]]]:
    # Sorted with the generic adapter last, so that a format's own file wins over it.
    names = sorted(
        (module.name for module in pkgutil.iter_modules(formats.__path__)),
        key=lambda name: (name == "ultralytics_generic", name),
    )
    for name in names:
        yield name, lambda name=name: importlib.import_module(f"{formats.__name__}.{name}").FORMAT  # type: ignore[misc]


def _entry_points() -> Iterable[tuple[str, Callable[[], object]]]:
    for entry_point in metadata.entry_points(group=ENTRY_POINT_GROUP):
        yield f"{entry_point.name} ({entry_point.value})", entry_point.load


def _listed(loaded: object) -> list[Format]:
    several = loaded if isinstance(loaded, list | tuple) else [loaded]
    for candidate in several:
        if not isinstance(candidate, Format):
            raise TypeError(f"{candidate!r} is no Format")
    return list(several)
