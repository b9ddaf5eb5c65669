"""Which actions the rules mean, by name or by the beginning of it. A new action slots in here, in one line."""

from __future__ import annotations

from dataclasses import dataclass

from deployhub.access.vocab import STEP_UP_PERMISSIONS

VIEW_ENDINGS = (".view", ".list", ".history", ".use")


@dataclass(frozen=True, slots=True)
class ActionSet:
    """Actions by name, by their beginning and by their ending; reads are in it only by name."""

    names: frozenset[str] = frozenset()
    beginnings: tuple[str, ...] = ()
    endings: tuple[str, ...] = ()

    def __contains__(self, action: str) -> bool:
        if action in self.names:
            return True
        if action.endswith(VIEW_ENDINGS):
            return False
        return bool(
            (self.beginnings and action.startswith(self.beginnings))
            or (self.endings and action.endswith(self.endings))
        )


DOWNLOADS = ActionSet(endings=(".download",))

RAISES = frozenset(
    {
        "user.create",
        "user.update",
        "membership.grant",
        "access.decide",
        "project.hand_over",
        "invitation.accept",
    }
)
"""What gives somebody more rights; whether one event really did, rules/privilege_used.py reads from its changes."""

DAILY = frozenset({"mfa.enrol", "token.check_leak", "identity.link", "identity.unlink"})
"""Ask for a fresh second factor, and are yet nothing that one wonders about at an odd hour."""

PRIVILEGED = ActionSet(
    names=(STEP_UP_PERMISSIONS - DAILY)
    | frozenset(
        {
            "invitation.create", "mfa.reset", "model.alias", "project.archive",
            "version.override", "artifact.unseal", "audit.export",
        }
    ),
    beginnings=(
        "role.", "service.", "service_account.", "security.", "retention.", "legal_hold.", "sign_on.", "rollout.",
        "deployment.", "key.", "rule.",
    ),
)  # fmt: skip
"""What changes rights, lets something out, or puts something into use: all that asks for a fresh second factor too."""

PROOFS = ActionSet(names=frozenset({"account.prove"}), endings=(".step_up", ".prove"))
"""Being asked again who one is: password, code or key, before something dangerous."""

FACTOR_LOST = ActionSet(names=frozenset({"mfa.remove", "mfa.reset", "mfa.reset_confirm", "user.reset"}))
FACTOR_SET_UP = ActionSet(names=frozenset({"mfa.enrol"}), beginnings=("passkey.enrol", "passkey.register"))
CREDENTIAL_MADE = ActionSet(names=frozenset({"token.create", "token.issue", "token.rotate"}))

SEALED = ActionSet(
    names=frozenset({"artifact.unseal", "artifact.unlock", "key.use", "key.release", "key.export"}),
    endings=(".unseal", ".download_protected"),
)
"""Access to artifacts that somebody protected, and use of the keys that protect them."""

OVERSIGHT = ActionSet(
    names=frozenset({"audit.prune", "audit.erase", "audit.settings"}),
    beginnings=(
        "rule.",
        "retention.",
        "hold.",
        "legal_hold.",
        "person.",
        "security.",
        "audit_witness.",
        "audit_key.",
    ),
)
"""What watches over everybody: rules, retention, the security policy, the seal."""

QUARANTINE_OVERRIDE = ActionSet(
    names=frozenset({"version.override", "version.release", "version.accept"}), endings=(".override",)
)

MAKES = frozenset({"version.create", "artifact.create"})
"""By these a person becomes the maker of what they may not alone put into use."""
PUT_INTO_USE = ActionSet(
    names=frozenset(
        {"model.alias", "rollout.approve", "rollout.start", "deployment.approve", "artifact.approve"}
    )
)
