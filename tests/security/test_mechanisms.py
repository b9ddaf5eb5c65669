"""A test that cannot fail proves nothing: each mechanism is taken away in a copy, and the test that names it must notice."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.architecture.tree import ROOT, tracked_files

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Removal:
    """What is taken away: `old` becomes `new` in one file; `tests` (a path and a -k expression) has to fail then."""

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, str]


REMOVALS = (
    Removal(
        "07 one transaction for a change and its event", "deployhub/usecase.py",
        "                    transaction.atomic(durable=not nested),\n", "",
        ("tests/audit/test_audited.py", "promise_07"),
    ),
    Removal(
        "08 the event of a download", "deployhub/registry/downloads.py",
        "    try:\n        event_record(actor, permission, download.subject, facts=facts)\n", "    try:\n        pass\n",
        ("tests/conversion/test_doors.py", "promise_08"),
    ),
    Removal(
        "09 codes of events", "deployhub/audit/selectors/verification.py",
        "leaf_code_fits(", "(lambda *all_of_it, **_named: True)(",
        ("tests/audit/test_attacks.py", "promise_09"),
    ),
    Removal(
        "13 pages ask the policy", "deployhub/doors/pages.py",
        "        if not self.public:\n            policy.require", "        if False:\n            policy.require",
        ("tests/matrix/test_promise_13_14.py", "nobody_gets_anything"),
    ),
    Removal(
        "14 selectors start from the policy", "deployhub/access/policy.py",
        "    if len(allowed) == 1:\n", "    if True:\n        return queryset\n    if len(allowed) == 1:\n",
        ("tests/conversion/test_doors.py", "promise_14"),
    ),
    Removal(
        "15 a code is spent by a conditional update", "deployhub/accounts/models/factors.py",
        "filter(pk=self.pk, last_step__lt=clock.t())", "filter(pk=self.pk)",
        ("tests/accounts/test_second_factor.py", "promise_15_of_twenty_who_show_the_same_code"),
    ),
    Removal(
        "15 a recovery code is spent", "deployhub/accounts/services/second_factor.py",
        "user=user, used_at=None, digest__in", "user=user, digest__in",
        ("tests/accounts/test_second_factor.py", "recovery_code"),
    ),
    Removal(
        "16 a session without its second factor is ended", "deployhub/accounts/middleware.py",
        "if not with_second_factor and second_factor_is_on(user.pk):", "if False:",
        ("tests/accounts", "promise_16_no_path_skips"),
    ),
    Removal(
        "17 the policy asks for a fresh second factor", "deployhub/access/policy.py",
        "return _step_up_require(actor, permission, obj)", "return None",
        ("tests/accounts/test_step_up.py", "promise_17_the_policy_itself"),
    ),
    Removal(
        "18 tokens are stored as digests", "deployhub/accounts/sealing.py",
        "    return hashlib.sha256(token.encode()).hexdigest()", "    return token",
        ("tests/accounts", "promise_18_a_dump_of_the_database"),
    ),
    Removal(
        "19 an ended session is none", "deployhub/accounts/services/sessions.py",
        "        key_digest=session_key_digest(key),\n        ended_at=None,\n    ).first()",
        "        key_digest=session_key_digest(key),\n    ).first()",
        ("tests/accounts/test_sessions.py", "promise_19_a_session_that_its_owner_ended"),
    ),
    Removal(
        "19 an ended membership is none", "deployhub/access/policy.py",
        "not_ended(), user_id=actor.user_id", "user_id=actor.user_id",
        ("tests/access/test_ends.py", "promise_19"),
    ),
    Removal(
        "29 a rule that looks for nothing", "deployhub/review/rules/password_spray.py",
        "if event.action != SIGN_IN or not event.failed or not event.address:", "if True:",
        ("tests/review/test_rules_sign_in.py", "spray"),
    ),
    Removal(
        "the second person", "deployhub/access/duties.py", "if not is_other_than(actor, people):", "if False:",
        ("tests/access/test_duties.py", "neither_the_maker_nor_who_asked"),
    ),
    Removal(
        "the gate before production", "deployhub/registry/services/models.py",
        "        require_version_cleared(version)\n", "        pass\n",
        ("tests/certification/test_gate.py", "champion_is_refused"),
    ),
    Removal(
        "what the engine says is judged again", "deployhub/certification/measured.py",
        "if broken or told == ", "if told == ",
        ("tests/certification/test_certificates.py", "over_its_limit_fails"),
    ),
    Removal(
        "a certificate's signature", "deployhub/witness/attestation.py",
        "    if not any(_signed_by(key, one, signed) for key in keys for one in signatures):", "    if False:",
        ("tests/certification", "changed_word_breaks or another_key"),
    ),
)  # fmt: skip


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project's files, as git tracks them."""
    folder = tmp_path_factory.mktemp("copy")
    for path in tracked_files():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, target)
    return folder


@pytest.mark.parametrize("removal", REMOVALS, ids=lambda removal: removal.name)
def test_the_test_of_a_mechanism_fails_without_it(copy: Path, removal: Removal) -> None:
    file = copy / removal.file
    whole = file.read_text()
    assert whole.count(removal.old) >= 1, f"{removal.file} has changed: name the mechanism anew"
    file.write_text(whole.replace(removal.old, removal.new))
    path, expression = removal.tests
    try:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-p", "no:randomly", path, "-k", expression],
            cwd=copy, capture_output=True, text=True, timeout=280, check=False,
        )  # fmt: skip
    finally:
        file.write_text(whole)
    assert done.returncode == 1, f"nothing failed (exit {done.returncode}):\n{done.stdout[-2000:]}"
    assert " failed" in done.stdout
