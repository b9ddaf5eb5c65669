"""What a third party can check without us: proofs, by a program of one file that knows nothing of Django."""

from __future__ import annotations

import ast
import copy
import json
import subprocess
import sys
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deployhub.audit.models import AuditCheckpoint, AuditEvent
from deployhub.audit.scope import event_record, system_scope
from deployhub.audit.selectors.proofs import NotSealedYet, consistency_proof, inclusion_proof
from deployhub.audit.services.erasure import events_erase, events_prune
from deployhub.audit.services.sealer import log_seal
from deployhub.witness import consistency, verifier
from deployhub.witness.command import main, proof_check
from deployhub.witness.tree import Frontier, consistency_path, fold, inclusion_path, leaf_digest
from deployhub.witness.verifier import ProofError

VERIFIER = Path(verifier.__file__)


def whole_root(leaves: list[bytes]) -> bytes:
    """RFC 6962, 2.1, word by word."""
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return verifier.node_digest(whole_root(leaves[:split]), whole_root(leaves[split:]))


@settings(max_examples=150, deadline=None)
@given(size=st.integers(1, 700), which=st.integers(0, 10**6), old=st.integers(1, 10**6))
def test_every_path_leads_to_the_root_of_the_rfc(size: int, which: int, old: int) -> None:
    leaves = [leaf_digest(b"%d" % n) for n in range(size)]
    frontier, kept = Frontier(), {}
    for digest in leaves:
        for level, position, root in frontier.append(digest):
            kept[level, position] = root

    def subtree(level: int, position: int) -> bytes:
        if (level, position) in kept:
            return kept[level, position]
        return fold(leaves[position << level : (position + 1) << level])

    assert frontier.root() == whole_root(leaves)
    index, old = which % size, old % size + 1
    path = inclusion_path(index, size, subtree)
    assert verifier.root_of_inclusion(index, size, leaves[index], path) == frontier.root()
    roots = consistency.roots_of_consistency(
        old, size, whole_root(leaves[:old]), consistency_path(old, size, subtree)
    )
    assert roots == (whole_root(leaves[:old]), frontier.root())


@pytest.fixture
def proof(happened: Any, db: None) -> dict[str, Any]:
    ids = happened(40, batches=4)
    return inclusion_proof(AuditEvent.objects.get(pk=ids[21]))


@pytest.fixture
def chain(happened: Any, db: None) -> dict[str, Any]:
    happened(40, batches=4)
    return consistency_proof(AuditCheckpoint.objects.get(sequence=1), AuditCheckpoint.objects.first())


def test_the_standalone_verifier_checks_a_proof_without_django(proof: dict[str, Any], tmp_path: Path) -> None:
    """A copy of the one file, isolated from everything of ours."""
    alone = tmp_path / "verify.py"
    alone.write_text(VERIFIER.read_text())
    file = tmp_path / "proof.json"
    file.write_text(json.dumps(proof))
    key = proof["signed"]["public_key"]

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-I", alone, *words], cwd=tmp_path, capture_output=True, text=True
        )

    done = run(str(file), key)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"Event {proof['leaf']['id']}" in done.stdout
    refused = run(str(file), "00" * 32)
    assert refused.returncode == 1
    assert "another key" in refused.stderr
    assert "django" not in alone.read_text().lower()


def test_what_a_third_party_has_to_read_is_at_most_fifty_lines() -> None:
    text = VERIFIER.read_text()
    told = {
        line
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    }
    code = [
        line
        for number, line in enumerate(text.splitlines(), 1)
        if line.strip() and not line.strip().startswith("#") and number not in told
    ]
    assert len(code) <= 50, len(code)
    assert ";" not in "".join(code)
    assert max(map(len, code)) <= 110


def test_the_command_says_in_one_line_what_it_found(
    proof: dict[str, Any], chain: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "proof.json"
    file.write_text(json.dumps(proof))
    assert main([str(file), "--key", proof["signed"]["public_key"]]) == 0
    assert f"Event {proof['leaf']['id']}" in capsys.readouterr().out
    assert main([str(file)]) == 0
    assert "the key came with the proof" in capsys.readouterr().out
    assert main([str(file), "--key", "00" * 32]) == 1
    file.write_text(json.dumps(chain))
    assert main([str(file)]) == 0
    assert "extends the log" in capsys.readouterr().out
    file.write_text('{"leaf": 1}')
    assert main([str(file)]) == 2


def _forgeries(proof: Any, at: str = "") -> Any:
    """Every way to change one value of a proof."""
    entries = proof.items() if isinstance(proof, dict) else enumerate(proof)
    for name, value in entries:
        if isinstance(value, dict | list):
            if isinstance(value, list) and value and isinstance(proof, dict) and name == "path":
                yield f"{at}.{name} shorter", lambda p, name=name: p.__setitem__(name, p[name][:-1])
                yield f"{at}.{name} longer", lambda p, name=name: p.__setitem__(name, [*p[name], p[name][0]])
            for where, change in _forgeries(value, f"{at}.{name}"):
                yield where, lambda p, name=name, change=change: change(p[name])
            continue
        if isinstance(value, str) and len(value) >= 32 and all(c in "0123456789abcdef" for c in value):
            other: Any = ("1" if value[0] == "0" else "0") + value[1:]
        elif isinstance(value, bool) or value is None:
            other = str(uuid4())
        else:
            other = value + 1 if isinstance(value, int) else f"{value}x"
        yield f"{at}.{name}", lambda p, name=name, other=other: p.__setitem__(name, other)


@pytest.mark.django_db
@pytest.mark.parametrize("kind", ["proof", "chain"])
def test_promise_09_a_forged_proof_is_refused(kind: str, request: pytest.FixtureRequest) -> None:
    """Whatever single value is changed, the verifier refuses."""
    genuine = request.getfixturevalue(kind)
    key = (genuine.get("signed") or genuine["first"])["public_key"]
    assert proof_check(genuine, key)
    tried = 0
    for where, change in _forgeries(genuine):
        if where.endswith("public_key"):
            continue  # the key that is trusted was given
        forged = copy.deepcopy(genuine)
        change(forged)
        with pytest.raises((ProofError, KeyError, ValueError, TypeError)):  # noqa: PT012 - the second tells what passed
            proof_check(forged, key)
            pytest.fail(f"accepted with another {where}")
        tried += 1
    assert tried > 20


@pytest.mark.django_db
def test_a_proof_does_not_pass_for_another_event_or_tree(happened: Any) -> None:
    ids = happened(40, batches=4)
    one, two = (inclusion_proof(AuditEvent.objects.get(pk=pk)) for pk in (ids[3], ids[30]))
    with pytest.raises(ProofError):
        proof_check({**one, "leaf": two["leaf"]})
    with pytest.raises(ProofError):
        proof_check({**one, "index": two["index"]})
    with pytest.raises(ProofError):
        proof_check({**one, "personal": two["personal"]})


@pytest.mark.django_db
def test_an_erased_event_is_still_proven_and_a_pruned_one_breaks_nothing(
    happened: Any, verified: Any, person: Any, acting: Any, home: Path
) -> None:
    kim = person("kim")
    event_record(acting(kim, address="192.0.2.1"), "model.view", kim)
    happened(20)
    old = AuditEvent.objects.get(action="model.view", actor_id=kim.pk)
    with system_scope("Kim asks to be forgotten", action="audit.erase"):
        events_erase(AuditEvent.objects.all(), person_id=kim.pk)
    with system_scope("older than a year", action="audit.prune"):
        assert events_prune(AuditEvent.objects.filter(reason="routine")[:5]) == 5
    log_seal()
    found = verified()
    assert found.holds, found.findings
    assert (found.pruned, found.erased >= 2) == (5, True)
    proof = inclusion_proof(old)
    assert proof["personal"] == {}
    assert "kim" not in json.dumps(proof).lower()
    assert proof_check(proof)


@pytest.mark.django_db
def test_an_event_is_proven_on_its_page_and_in_the_api_alike(
    happened: Any, auditor: Any, viewer: Any, browser: Any, api: Any
) -> None:
    ids = happened(12, batches=2)
    page = browser(auditor).get(f"/audit/seal/proofs/{ids[3]}/")
    assert page.headers["Content-Disposition"].startswith("attachment")
    answer = api(auditor).get(f"/api/v1/audit-proofs/{ids[3]}/")
    assert proof_check(page.json()) == proof_check(answer.json())
    assert browser(viewer).get(f"/audit/seal/proofs/{ids[3]}/").status_code == 403
    newest = AuditEvent.objects.latest("id")
    assert api(auditor).get(f"/api/v1/audit-proofs/{newest.pk}/").json()["code"] == "not_sealed_yet"
    with pytest.raises(NotSealedYet):
        inclusion_proof(newest)
    body = browser(auditor).get("/audit/seal/").content.decode()
    assert AuditCheckpoint.objects.first().root in body
    chain = api(auditor).get("/api/v1/audit-checkpoints/1/consistency/?since=0").json()
    assert "extends" in proof_check(chain)
    assert api(auditor).get("/api/v1/audit-checkpoints/1/consistency/?since=x").status_code == 400
