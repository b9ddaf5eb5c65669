"""Words of the portal: the navigation, the themes, the documentation's pages."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

THEMES = ("light", "dark", "system")


@dataclass(frozen=True, slots=True)
class Entry:
    label: str
    view: str
    icon: str
    permission: str
    section: str = ""
    of_project: bool = True
    also: tuple[str, ...] = ()
    """Beginnings of addresses that belong to the entry as well."""


NAVIGATION: tuple[Entry, ...] = (
    Entry("Dashboard", "portal:dashboard", "layout-dashboard", "dashboard.view"),
    Entry("Models", "registry:models", "box", "model.view", "Registry"),
    Entry("Versions", "registry:versions", "git-commit-horizontal", "version.view", "Registry"),
    Entry("Artifacts", "registry:artifacts", "package", "artifact.view", "Registry"),
    Entry("Certificates", "certification:certificates", "badge-check", "certificate.view", "Registry"),
    Entry(
        "Datasets", "registry:datasets", "images", "dataset.view", "Registry", also=("/dataset-versions/",)
    ),
    Entry("Jobs", "jobs:jobs", "activity", "job.view", "Work"),
    Entry("Formats", "portal:formats", "layers", "format.view", "Work", of_project=False),
    Entry("Toolchains", "toolchains:toolchains", "wrench", "toolchain.view", "Work", of_project=False),
    Entry("Projects", "registry:projects", "folder-kanban", "project.view", "Work", of_project=False),
    Entry("Service accounts", "accounts:service-accounts", "cpu", "service.view", "Work", of_project=False),
    Entry("Review", "review:findings", "scan-search", "finding.view", "Instance", of_project=False),
    Entry("Audit log", "review:audit", "scroll-text", "audit.view", "Instance", of_project=False),
    Entry("Accounts", "accounts:users", "users", "user.view", "Instance", of_project=False),
    Entry(
        "Security policy", "accounts:security", "shield-check", "security.view", "Instance", of_project=False
    ),
    Entry(
        "Single sign-on",
        "accounts:identity-providers",
        "log-in",
        "identity_provider.view",
        "Instance",
        of_project=False,
    ),
    Entry("System", "portal:system", "server", "system.view", "Instance", of_project=False),
)


class Verdict(StrEnum):
    """How one part of the installation is."""

    OK = "ok"
    DEGRADED = "degraded"
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the system page: what is looked at, the verdict, what was found, and what to do."""

    name: str
    verdict: Verdict
    found: str
    advice: str = ""


DOCUMENTS: dict[str, str] = {
    "architecture": "Architecture",
    "glossary": "Glossary",
    "formats": "Formats",
    "certificates": "Certificates",
    "roles": "Roles and permissions",
    "api": "REST API and command line",
    "operations": "Operations",
    "security": "Security",
    "asvs": "ASVS checklist",
    "performance": "Performance",
    "design-system": "Design system",
    "errors": "Error codes",
}
"""Pages of docs/ that the interface shows, in reading order."""

DEMO_PROJECT_SLUG = "demo-shapes"
DEMO_FOLDER = Path(__file__).resolve().parents[1] / "engine" / "demo"
DEMO_WEIGHTS = "shapes-yolov8n.pt"
DEMO_DATASETS = (
    ("Shapes, evaluation", "evaluation", "shapes-evaluation.zip"),
    ("Shapes, calibration", "calibration", "shapes-calibration.zip"),
)
