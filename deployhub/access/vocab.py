"""The words of access: every permission, every role, every token scope. Tables, no logic.

The permission is also the name of the use case and the action in the audit log.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from django.db import models


class Reach(StrEnum):
    """Over what a permission holds."""

    PROJECT = "project"
    """Decided by the role in the project of the object."""
    INSTANCE = "instance"
    """Decided by the global role."""
    SELF = "self"
    """Everybody, on their own account."""
    ANYONE = "anyone"
    """Everybody who is signed in."""


@dataclass(frozen=True, slots=True)
class Permission:
    code: str
    label: str
    reach: Reach


class Role(models.TextChoices):
    OWNER = "owner", "Owner"
    ENGINEER = "engineer", "Engineer"
    RELEASE_MANAGER = "release_manager", "Release manager"
    VIEWER = "viewer", "Viewer"


CUSTOM = "custom"
"""Stands in Membership.role where the role is one that the project's owners made."""


class RequestState(models.TextChoices):
    """Of what one person asks and another decides."""

    WAITING = "waiting", "Waiting"
    APPROVED = "approved", "Approved"
    DECLINED = "declined", "Declined"
    WITHDRAWN = "withdrawn", "Withdrawn"
    LAPSED = "lapsed", "Lapsed"


_TABLE: list[tuple[str, str, Reach]] = [
    ("project.view", "See a project and its members", Reach.PROJECT),
    ("project.create", "Create a project", Reach.INSTANCE),
    ("project.update", "Rename and describe a project", Reach.PROJECT),
    ("project.archive", "Archive a project", Reach.PROJECT),
    ("membership.grant", "Add a member or change their role", Reach.PROJECT),
    ("membership.revoke", "Remove a member", Reach.PROJECT),
    ("member.invite", "Invite somebody into a project", Reach.PROJECT),
    ("project.hand_over", "Hand a project over to another owner", Reach.PROJECT),
    ("invitation.view", "See invitations", Reach.PROJECT),
    ("invitation.resend", "Give an invitation a new link", Reach.PROJECT),
    ("invitation.revoke", "Take an invitation back", Reach.PROJECT),
    ("service.view", "See service accounts", Reach.PROJECT),
    ("service.create", "Create a service account", Reach.PROJECT),
    ("service.update", "Describe a service account and say who is responsible for it", Reach.PROJECT),
    ("service.deactivate", "Deactivate a service account", Reach.PROJECT),
    ("service.activate", "Activate a service account again", Reach.PROJECT),
    ("token.issue", "Make and rotate tokens of a service account", Reach.PROJECT),
    ("token.withdraw", "Revoke tokens of a service account", Reach.PROJECT),
    ("project.duties", "Demand a second person for production", Reach.PROJECT),
    ("role.define", "Make and change the project's own roles", Reach.PROJECT),
    ("reach.view", "See who can reach a project and its models, and who asks to", Reach.PROJECT),
    ("preview.start", "View the interface as a role of the project", Reach.PROJECT),
    ("preview.stop", "Stop viewing as a role", Reach.SELF),
    ("access.request", "Ask for a role in a project", Reach.ANYONE),
    ("access.view", "See own requests for access", Reach.SELF),
    ("access.withdraw", "Withdraw an own request for access", Reach.SELF),
    ("access.decide", "Approve or decline requests for access", Reach.PROJECT),
    ("model.view", "See registered models", Reach.PROJECT),
    ("model.create", "Register a model", Reach.PROJECT),
    ("model.update", "Describe a model", Reach.PROJECT),
    ("model.alias", "Point an alias at a version", Reach.PROJECT),
    ("alias.approve", "Approve or decline that the production alias moves", Reach.PROJECT),
    ("alias.request", "Ask that the production alias points at a version", Reach.PROJECT),
    ("version.view", "See versions", Reach.PROJECT),
    ("version.create", "Upload a version", Reach.PROJECT),
    ("version.inspect", "Inspect a version again", Reach.PROJECT),
    ("version.describe", "Change the notes of a version", Reach.PROJECT),
    ("version.download", "Download the source file of a version", Reach.PROJECT),
    ("artifact.view", "See artifacts", Reach.PROJECT),
    ("artifact.create", "Record an artifact (done by a worker on an engineer's request)", Reach.PROJECT),
    ("artifact.download", "Download artifacts", Reach.PROJECT),
    ("artifact.replay", "Make an artifact again and compare it with the first", Reach.PROJECT),
    ("artifact.approve", "Mark an artifact fit for deployment, and take the mark away", Reach.PROJECT),
    ("certificate.view", "See certificates and their pictures", Reach.PROJECT),
    ("certificate.create", "Have an artifact certified", Reach.PROJECT),
    ("certificate.budget", "Set what artifacts may lose", Reach.PROJECT),
    ("override.request", "Ask to go on without a passed certificate", Reach.PROJECT),
    ("override.decide", "Let somebody else's artifact pass without a certificate, or decline", Reach.PROJECT),
    ("dataset.view", "See datasets", Reach.PROJECT),
    ("dataset.create", "Upload a dataset", Reach.PROJECT),
    ("dataset.extend", "Upload a new version of a dataset", Reach.PROJECT),
    ("dataset.check", "Check a version of a dataset again", Reach.PROJECT),
    ("dataset.download", "Download datasets", Reach.PROJECT),
    ("upload.create", "Upload a file", Reach.PROJECT),
    ("upload.view", "See own uploads", Reach.SELF),
    ("upload.append", "Continue an own upload", Reach.SELF),
    ("upload.abandon", "Give an own upload up", Reach.SELF),
    ("export.view", "See exports", Reach.PROJECT),
    ("export.create", "Export a version to a format", Reach.PROJECT),
    ("format.view", "See the format catalogue", Reach.ANYONE),
    ("toolchain.view", "See toolchains", Reach.ANYONE),
    ("toolchain.build", "Build a toolchain before an export needs it", Reach.INSTANCE),
    ("toolchain.rebuild", "Resolve and install a toolchain again", Reach.INSTANCE),
    ("toolchain.remove", "Remove a toolchain's environments", Reach.INSTANCE),
    ("job.view", "See jobs", Reach.PROJECT),
    ("job.cancel", "Cancel a job", Reach.PROJECT),
    ("job.retry", "Run a failed job again", Reach.PROJECT),
    ("audit.view", "Read the audit log of the whole instance", Reach.INSTANCE),
    ("audit.search_save", "Save a search of the audit log", Reach.INSTANCE),
    ("audit.search_delete", "Delete an own saved search", Reach.SELF),
    ("audit.export", "Export the audit log", Reach.INSTANCE),
    ("audit.download", "Download an export of the audit log", Reach.INSTANCE),
    ("audit.export_remove", "Remove the file of an export of the audit log", Reach.INSTANCE),
    ("retention.view", "See how long the audit log is kept, and its legal holds", Reach.INSTANCE),
    ("retention.update", "Change how long the audit log is kept", Reach.INSTANCE),
    ("retention.prune", "Remove events past their time (done by DeployHub itself)", Reach.INSTANCE),
    ("hold.place", "Place a legal hold on events", Reach.INSTANCE),
    ("hold.release", "Release a legal hold", Reach.INSTANCE),
    ("person.erase", "Erase a person from accounts and audit log", Reach.INSTANCE),
    ("audit.history", "Read the history of an object", Reach.PROJECT),
    ("finding.view", "See what the review rules found", Reach.INSTANCE),
    ("finding.update", "Assign, comment, link and reopen findings", Reach.INSTANCE),
    ("finding.close", "Sign off findings, but not about oneself", Reach.INSTANCE),
    ("rule.view", "See the review rules and their thresholds", Reach.INSTANCE),
    ("rule.update", "Tune the thresholds of a review rule", Reach.INSTANCE),
    ("rule.mute", "Mute a review rule for some days", Reach.INSTANCE),
    ("review.view", "See who reviewed when", Reach.INSTANCE),
    ("review.record", "Record that one has reviewed", Reach.INSTANCE),
    ("digest.view", "Read the weekly digests of the review", Reach.INSTANCE),
    ("user.view", "See all accounts", Reach.INSTANCE),
    ("user.create", "Create an account", Reach.INSTANCE),
    ("user.update", "Change an account and its global roles", Reach.INSTANCE),
    ("user.deactivate", "Deactivate an account", Reach.INSTANCE),
    ("user.activate", "Activate an account again", Reach.INSTANCE),
    ("user.reset", "Reset somebody's password", Reach.INSTANCE),
    ("invitation.create", "Invite somebody to the installation, also with a global role", Reach.INSTANCE),
    ("invitation.accept", "Accept an invitation", Reach.ANYONE),
    ("mfa.reset_request", "Ask that somebody's second factor is reset", Reach.INSTANCE),
    (
        "mfa.reset_confirm",
        "Confirm the reset of a second factor that another administrator asked for",
        Reach.INSTANCE,
    ),
    ("mfa.reset_decline", "Decline or withdraw the reset of a second factor", Reach.INSTANCE),
    ("mfa.reset_stop", "Stop the reset of the own second factor", Reach.SELF),
    ("security.view", "See the security policy", Reach.INSTANCE),
    ("security.update", "Change the security policy", Reach.INSTANCE),
    ("identity_provider.view", "See who signs people in (single sign-on)", Reach.INSTANCE),
    ("identity_provider.create", "Add an identity provider", Reach.INSTANCE),
    ("identity_provider.update", "Change an identity provider", Reach.INSTANCE),
    ("identity_provider.remove", "Remove an identity provider", Reach.INSTANCE),
    ("identity_provider.test", "Test the connection to an identity provider", Reach.INSTANCE),
    ("group_mapping.create", "Let a provider's group give a role", Reach.INSTANCE),
    ("group_mapping.remove", "Let a provider's group give a role no longer", Reach.INSTANCE),
    ("user.unlock", "Let somebody try again who failed to sign in too often", Reach.INSTANCE),
    ("user.session_revoke", "End somebody's sessions", Reach.INSTANCE),
    ("system.view", "See the system page", Reach.INSTANCE),
    ("demo.load", "Load the demo project", Reach.INSTANCE),
    ("account.view", "See the own account", Reach.SELF),
    ("account.update", "Change the own name and preferences", Reach.SELF),
    ("account.password", "Change the own password", Reach.SELF),
    ("account.sign_out", "Sign out", Reach.SELF),
    ("mfa.step_up", "Show a fresh second factor", Reach.SELF),
    ("session.view", "See the own sessions", Reach.SELF),
    ("session.revoke", "End an own session", Reach.SELF),
    ("identity.view", "See the own identities at providers", Reach.SELF),
    ("identity.link", "Link an identity at a provider to the own account", Reach.SELF),
    ("identity.unlink", "Unlink an own identity", Reach.SELF),
    ("mfa.enrol", "Enrol a second factor", Reach.SELF),
    ("mfa.remove", "Remove a second factor", Reach.SELF),
    ("mfa.rename", "Rename a second factor", Reach.SELF),
    ("mfa.recovery", "Make new recovery codes", Reach.SELF),
    ("token.view", "See the own API tokens", Reach.SELF),
    ("token.create", "Create an API token", Reach.SELF),
    ("token.revoke", "Revoke an own API token", Reach.SELF),
    ("token.waive_step_up", "Let somebody's API token act without a fresh second factor", Reach.INSTANCE),
    ("token.rotate", "Replace an own API token by a successor", Reach.SELF),
    (
        "token.rotate_itself",
        "Replace the very token that asks (service accounts, where it was allowed)",
        Reach.SELF,
    ),
    ("token.view_all", "See all API tokens of the installation", Reach.INSTANCE),
    ("token.revoke_any", "Revoke anybody's API token", Reach.INSTANCE),
    ("token.check_leak", "Look for API tokens in a text, and revoke them", Reach.INSTANCE),
    ("dashboard.view", "See the dashboard", Reach.ANYONE),
    ("docs.view", "Read the documentation", Reach.ANYONE),
    ("search.use", "Search what one may see", Reach.ANYONE),
]

PERMISSIONS: dict[str, Permission] = {code: Permission(code, label, reach) for code, label, reach in _TABLE}


def _codes(*codes: str) -> frozenset[str]:
    unknown = set(codes) - set(PERMISSIONS)
    if unknown:
        raise ValueError(f"unknown permissions: {sorted(unknown)}")
    return frozenset(codes)


_SEE = _codes(
    "project.view", "service.view", "model.view", "version.view", "artifact.view", "dataset.view", "export.view",
    "job.view", "audit.history", "certificate.view",
)  # fmt: skip
_ENGINEER = _SEE | _codes(
    "model.create", "model.update", "version.create", "version.inspect", "version.describe", "version.download",
    "artifact.create", "artifact.download", "artifact.replay", "dataset.create", "dataset.extend", "dataset.check",
    "dataset.download", "upload.create", "export.create", "job.cancel", "job.retry", "alias.request",
    "certificate.create", "override.request",
)  # fmt: skip

ROLE_PERMISSIONS: dict[str, frozenset[str]] = {
    Role.VIEWER: _SEE,
    Role.ENGINEER: _ENGINEER,
    Role.RELEASE_MANAGER: _SEE
    | _codes(
        "model.alias",
        "alias.request",
        "alias.approve",
        "artifact.create",
        "artifact.download",
        "artifact.replay",
        "version.describe",
        "export.create",
        "job.cancel",
        "job.retry",
        "artifact.approve",
        "certificate.create",
        "override.request",
        "override.decide",
    ),
    Role.OWNER: _ENGINEER
    | _codes(
        "model.alias", "alias.approve", "project.update", "project.archive", "project.duties", "membership.grant",
        "membership.revoke", "role.define", "reach.view", "preview.start", "access.decide",
        "member.invite", "project.hand_over", "invitation.view", "invitation.resend", "invitation.revoke",
        "artifact.approve", "certificate.budget", "override.decide",
        "service.create", "service.update", "service.deactivate", "service.activate", "token.issue", "token.withdraw",
    ),
}  # fmt: skip

ROLE_DESCRIPTIONS: dict[str, str] = {
    Role.OWNER: "Everything in the project, its members included",
    Role.ENGINEER: "Uploads versions, exports, downloads",
    Role.RELEASE_MANAGER: "Points aliases, exports, downloads artifacts",
    Role.VIEWER: "Sees everything in the project, changes and downloads nothing",
}

ADMINISTRATOR_PERMISSIONS: frozenset[str] = frozenset(
    code for code, permission in PERMISSIONS.items() if permission.reach in (Reach.PROJECT, Reach.INSTANCE)
)
_REVIEW = _codes(
    "finding.view", "finding.update", "finding.close", "rule.view", "rule.update", "rule.mute", "review.view",
    "review.record", "digest.view",
)  # fmt: skip
_LOG_CARE = _codes(
    "audit.search_save", "audit.export", "audit.download", "retention.view", "hold.place", "hold.release",
)  # fmt: skip
AUDITOR_PERMISSIONS: frozenset[str] = (
    _SEE
    | _codes(
        "audit.view",
        "user.view",
        "security.view",
        "system.view",
        "token.view_all",
        "reach.view",
        "invitation.view",
        "identity_provider.view",
    )
    | _REVIEW
    | _LOG_CARE
)
"""Sees all, and changes nothing of models and people: what auditors write is the review alone."""

CUSTOM_ROLE_PERMISSIONS: frozenset[str] = frozenset(
    code for code, permission in PERMISSIONS.items() if permission.reach is Reach.PROJECT
) - _codes(
    "role.define", "preview.start", "project.hand_over", "service.create", "service.update", "service.deactivate", "service.activate",
    "token.issue", "token.withdraw",
)  # fmt: skip
"""What a project's own role may hold. Making roles, viewing as one, and machines with their tokens stay with owners and
administrators: each of them would be a way around the rule that nobody hands on more than they hold."""

PREVIEW_PERMITTED: frozenset[str] = _codes("preview.stop", "account.sign_out", "mfa.step_up")
"""The only use cases while somebody views as a role (the step-up, since a look may ask for one): everything else is
refused, whatever the role may do."""

NO_TOKEN_CARRIES: frozenset[str] = _codes("preview.start", "preview.stop")
"""Meaningless without a browser."""

PERMISSION_GROUPS: dict[str, str] = {
    "project": "Project", "membership": "Members and access", "member": "Members and access", "invitation": "Members and access",
    "access": "Members and access",
    "role": "Members and access", "reach": "Members and access", "preview": "Members and access",
    "model": "Models", "alias": "Models", "version": "Versions", "artifact": "Artifacts and exports",
    "certificate": "Artifacts and exports", "override": "Artifacts and exports",
    "export": "Artifacts and exports", "toolchain": "Artifacts and exports", "format": "Artifacts and exports", "dataset": "Datasets and uploads",
    "upload": "Datasets and uploads", "job": "Jobs", "audit": "Audit and its review", "finding": "Audit and its review", "rule": "Audit and its review",
    "review": "Audit and its review", "digest": "Audit and its review", "retention": "Audit and its review",
    "hold": "Audit and its review", "person": "Accounts", "security": "System", "user": "Accounts", "system": "System",
    "demo": "System", "account": "Own account", "mfa": "Own account", "identity": "Own account", "identity_provider": "System", "group_mapping": "System", "token": "Tokens and machines", "service": "Tokens and machines",
    "dashboard": "Everybody", "docs": "Everybody", "search": "Everybody",
}  # fmt: skip
"""Under which heading a permission is shown, by its entity; one that is not named here stands under "Other"."""


def permission_group(code: str) -> str:
    return PERMISSION_GROUPS.get(code.partition(".")[0], "Other")


STEP_UP_PERMISSIONS: frozenset[str] = _codes(
    "membership.grant", "membership.revoke", "role.define", "access.decide", "alias.approve", "project.duties",
    "artifact.approve", "certificate.budget", "override.decide",
    "user.create", "user.update", "user.deactivate", "user.activate", "user.reset",
    "user.unlock", "user.session_revoke", "project.hand_over",
    "invitation.create", "member.invite", "invitation.resend", "mfa.reset_request", "mfa.reset_confirm",
    "mfa.enrol", "mfa.remove", "mfa.recovery",
    "token.create", "token.waive_step_up", "token.rotate", "token.issue", "token.revoke_any", "token.check_leak",
    "service.create", "service.update", "service.activate", "security.update",
    "identity_provider.create", "identity_provider.update", "identity_provider.remove",
    "group_mapping.create", "group_mapping.remove", "identity.link", "identity.unlink",
    "rule.update", "rule.mute",
    "audit.export", "audit.export_remove", "retention.update", "retention.prune", "hold.release", "person.erase",
)  # fmt: skip
"""Dangerous: who does this must have shown a second factor within the last minutes (SecurityPolicy.step_up_minutes).
The policy asks for it at every door. Rights over people, tokens, factors and the rules themselves belong here, and what
leaves the installation; tests/accounts/test_step_up.py holds the list complete."""


class TokenScope(models.TextChoices):
    READ = "read", "Read: see everything that I can see"
    DOWNLOAD = "download", "Download: fetch versions, artifacts and datasets"
    UPLOAD = "upload", "Upload: register models and upload versions and datasets"
    RUN = "run", "Run: export, cancel and retry jobs"
    ADMINISTER = "administer", "Administer: projects, members and accounts"


_READ = frozenset(
    code
    for code, permission in PERMISSIONS.items()
    if code.endswith((".view", ".history", ".use"))
    and code not in ("token.view", "session.view", "account.view")
) | _codes("account.view")

SCOPE_PERMISSIONS: dict[str, frozenset[str]] = {
    TokenScope.READ: _READ,
    TokenScope.DOWNLOAD: _codes("version.download", "artifact.download", "dataset.download"),
    TokenScope.UPLOAD: _codes(
        "model.create", "model.update", "version.create", "version.inspect", "version.describe", "dataset.create",
        "dataset.extend", "dataset.check", "upload.create", "upload.append", "upload.abandon", "upload.view",
    ),
    TokenScope.RUN: _codes("export.create", "artifact.create", "job.cancel", "job.retry", "model.alias", "alias.request", "alias.approve",
        "artifact.replay", "certificate.create", "override.request", "override.decide", "artifact.approve",
    ),
    TokenScope.ADMINISTER: _codes(
        "project.create", "project.update", "project.archive", "project.duties", "certificate.budget", "membership.grant",
        "membership.revoke", "role.define", "access.decide", "access.request", "access.withdraw",
        "project.hand_over", "member.invite", "invitation.create", "invitation.resend", "invitation.revoke",
        "service.create", "service.update", "service.deactivate", "service.activate",
        "finding.update", "finding.close", "review.record",
        "audit.search_save", "audit.search_delete", "audit.export", "audit.export_remove", "audit.download",
        "retention.update", "hold.place", "hold.release", "person.erase",
        "user.create", "user.update", "user.deactivate", "user.activate", "user.reset",
        "user.unlock", "user.session_revoke", "security.update", "demo.load",
        "toolchain.build", "toolchain.rebuild", "toolchain.remove",
    ),
}  # fmt: skip
"""What a token may do at most. Password, second factor and tokens themselves are in no scope: a token that leaks
must not be able to make another or to lock its owner out. Nor are the review's rules: it must not blind the watch."""

CHOOSABLE_PERMISSIONS: frozenset[str] = frozenset[str]().union(*SCOPE_PERMISSIONS.values())
"""Single permissions that may be put on a token, instead of or beside scopes."""
