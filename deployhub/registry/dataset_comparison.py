"""What changed from one version of a dataset to another, by their manifests."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass
from typing import Any

from deployhub.kernel.errors import Conflict
from deployhub.kernel.units import MIB
from deployhub.registry.models import DatasetVersion
from deployhub.registry.storage import blob_open

MANIFEST_READ_MAX_BYTES = 32 * MIB
LISTED_MAX = 500


@dataclass(frozen=True, slots=True)
class DatasetComparison:
    """Names of images; `relabelled` have the same picture and other labels, class or split."""

    base: DatasetVersion
    version: DatasetVersion
    classes_added: list[str]
    classes_removed: list[str]
    added: list[str]
    removed: list[str]
    changed: list[str]
    relabelled: list[str]
    unchanged: int

    def described(self) -> dict[str, Any]:
        """As the API tells it: long lists cut, counts whole."""
        lists = {name: getattr(self, name) for name in ("added", "removed", "changed", "relabelled")}
        return {
            "base": str(self.base.pk),
            "version": str(self.version.pk),
            "classes_added": self.classes_added,
            "classes_removed": self.classes_removed,
            **{name: names[:LISTED_MAX] for name, names in lists.items()},
            "counts": {**{name: len(names) for name, names in lists.items()}, "unchanged": self.unchanged},
        }


def dataset_compare(base: DatasetVersion, version: DatasetVersion) -> DatasetComparison:
    """Compare two versions of one dataset. Raises Conflict while one of them has no manifest."""
    if base.dataset_id != version.dataset_id:
        raise Conflict("These are versions of two datasets.", hint="Choose two versions of one dataset.")
    before, after = _manifest(base), _manifest(version)
    old = {row["path"]: row for row in before["images"]}
    new = {row["path"]: row for row in after["images"]}
    both = sorted(old.keys() & new.keys())
    changed = [path for path in both if old[path]["sha256"] != new[path]["sha256"]]
    told = set(changed)
    relabelled = [path for path in both if path not in told and _label(old[path]) != _label(new[path])]
    names_before, names_after = list(before["class_names"]), list(after["class_names"])
    return DatasetComparison(
        base=base,
        version=version,
        classes_added=[name for name in names_after if name not in set(names_before)],
        classes_removed=[name for name in names_before if name not in set(names_after)],
        added=sorted(new.keys() - old.keys()),
        removed=sorted(old.keys() - new.keys()),
        changed=changed,
        relabelled=relabelled,
        unchanged=len(both) - len(changed) - len(relabelled),
    )


def _label(row: dict[str, Any]) -> tuple[Any, ...]:
    return row["label_sha256"], row["class"], row["split"]


def _manifest(version: DatasetVersion) -> dict[str, Any]:
    blob = version.manifest
    if blob is None:
        raise Conflict(
            f"{version} was not checked to its end, so its images are not known.",
            hint="Wait for the check, or check it again.",
        )
    if blob.size_bytes > MANIFEST_READ_MAX_BYTES:
        raise Conflict(
            f"{version} holds too many images to compare on a page.", hint="Compare the zip files."
        )
    with contextlib.closing(blob_open(blob)) as file:
        content: dict[str, Any] = json.loads(file.read())
    return content
