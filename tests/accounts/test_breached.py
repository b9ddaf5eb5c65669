"""Passwords that breaches made known: refused offline, by a set of our own and by a whole file."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from deployhub.accounts import breached
from deployhub.accounts.breached import breached_file_check, is_in_file, is_known
from deployhub.accounts.models import User
from deployhub.accounts.services.passwords import password_check_strength
from deployhub.kernel.errors import InvalidInput

BREACHED = ["lovingkindnesses", "ashleywilliams2010", "AshleyWilliams2010"]
SENTENCE = "It is known from a breach elsewhere: choose another."


def refused(password: str) -> list[str]:
    try:
        password_check_strength(user=User(username="kim"), password=password)
    except InvalidInput as error:
        return error.errors["new_password"]
    return []


@pytest.mark.parametrize("password", BREACHED)
def test_what_breaches_show_is_refused_offline(password: str) -> None:
    assert SENTENCE in refused(password)


def test_the_meter_says_that_a_password_is_known_from_a_breach(engineer: Any, browser: Any) -> None:
    page = browser(engineer).post("/account/password/strength/", {"new_password": BREACHED[1]})
    assert SENTENCE in page.content.decode()


def test_the_built_in_set_is_sorted_small_and_answers_for_each_of_its_entries() -> None:
    kept = breached._built_in()
    entries = [kept[at : at + breached.DIGEST_BYTES] for at in range(0, len(kept), breached.DIGEST_BYTES)]
    assert entries == sorted(set(entries))
    assert len(entries) > 50_000
    assert len(kept) < 4_000_000
    assert not is_known("a calm blue river at noon")


def _file(tmp_path: Path, words: list[str], *, end: str = "\r\n", last: bool = True) -> Path:
    digests = sorted(hashlib.sha1(word.encode()).hexdigest().upper() for word in words)
    text = end.join(f"{digest}:{number % 7 * 1111 + 1}" for number, digest in enumerate(digests))
    path = tmp_path / "pwned.txt"
    path.write_bytes((text + (end if last else "")).encode())
    return path


@pytest.mark.parametrize(("end", "last"), [("\r\n", True), ("\n", True), ("\n", False)])
@pytest.mark.parametrize("count", [1, 2, 3, 500])
def test_every_line_of_a_file_is_found_and_nothing_else(
    tmp_path: Path, count: int, end: str, last: bool
) -> None:
    words = [f"word {number}" for number in range(count)]
    path = _file(tmp_path, words, end=end, last=last)
    assert all(is_in_file(word, path) for word in words)
    assert not any(is_in_file(f"other {number}", path) for number in range(300))


def test_the_whole_file_of_breached_passwords_is_searched(tmp_path: Path, settings: Any) -> None:
    own = "a calm blue river at noon"
    assert refused(own) == []
    settings.DEPLOYHUB_BREACHED_PASSWORDS = _file(tmp_path, [own, *map(str, range(50))])
    assert refused(own) == ["This password is easy to guess.", SENTENCE]
    assert refused("a calm green river at noon") == []


def test_a_file_that_cannot_be_used_keeps_deployhub_from_starting(tmp_path: Path, settings: Any) -> None:
    breached_file_check()
    settings.DEPLOYHUB_BREACHED_PASSWORDS = tmp_path / "none.txt"
    with pytest.raises(ImproperlyConfigured, match="cannot be read"):
        breached_file_check()
    path = settings.DEPLOYHUB_BREACHED_PASSWORDS = _file(tmp_path, [f"{n}" for n in range(200)])
    breached_file_check()
    path.write_bytes(b"\r\n".join(reversed(path.read_bytes().split())))
    with pytest.raises(ImproperlyConfigured, match="sorted"):
        breached_file_check()
    for text in (b"", b"hunter2\nletmein\n"):
        path.write_bytes(text)
        with pytest.raises(ImproperlyConfigured, match="does not hold"):
            breached_file_check()
