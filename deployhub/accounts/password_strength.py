"""How hard a password is to guess, judged offline: no password and no digest of one ever leaves the machine.

zxcvbn knows the 30,000 passwords that breaches show most often, words, names, dates, keyboard rows and how people
disguise them; Django's list adds 20,000 common ones, and `breached.py` knows longer ones from breaches. There are no rules of composition and no rotation.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from zxcvbn import zxcvbn

from deployhub.accounts.breached import is_breached

JUDGED_CHARACTERS = 72
"""The judgement takes longer than linearly long: more than this is not looked at, and a password so long is good."""
SCORE_MIN = 3
"""Of 0 to 4; from 3 on, more than 10^8 guesses."""
SCORE_WORDS = ("very weak", "weak", "could be better", "good", "very good")
OWN_WORD_CHARACTERS = 3
OTHER_CHARACTERS_MIN = 8
"""So many letters and digits must be left when the person's own words are taken out."""

KNOWN = "It is known from a breach elsewhere: choose another."


@dataclass(frozen=True, slots=True)
class Strength:
    score: int
    sentences: tuple[str, ...]

    @property
    def words(self) -> str:
        return SCORE_WORDS[self.score]

    @property
    def is_enough(self) -> bool:
        return self.score >= SCORE_MIN


def own_words(user: Any) -> list[str]:
    """What an attacker knows of a person: names, mail address, this installation's name."""
    texts = [
        *(getattr(user, field, "") for field in ("username", "name", "email")),
        settings.DEPLOYHUB_INSTANCE_NAME,
        "deployhub",
    ]
    words = {
        word for text in texts for word in re.split(r"[\W_]+", str(text)) if len(word) >= OWN_WORD_CHARACTERS
    }
    return sorted(words | {text for text in texts if text})


def without_own_words(password: str, user: Any) -> str:
    """The letters and digits that an attacker would not take from the person."""
    left = password.casefold()
    for word in sorted(own_words(user), key=len, reverse=True):
        left = left.replace(word.casefold(), " ")
    return re.sub(r"[\W_]+", "", left)


def strength_of(password: str, user: Any = None) -> Strength:
    """The judgement, with what would help."""
    if not password:
        return Strength(0, ())
    if len(without_own_words(password, user)) < OTHER_CHARACTERS_MIN <= len(password):
        return Strength(1, ("It is mostly made of your name, address or the name of this installation.",))
    if is_breached(password):
        return Strength(0, (KNOWN,))
    found = zxcvbn(password[:JUDGED_CHARACTERS], user_inputs=own_words(user))
    feedback = found["feedback"]
    sentences = [feedback["warning"], *feedback["suggestions"]]
    return Strength(int(found["score"]), tuple(f"{s.rstrip('.')}." for s in sentences if s))


class GuessableValidator:
    """Refuses what is easy to guess for somebody who knows breached passwords and this person."""

    def validate(self, password: str, user: Any = None) -> None:
        strength = strength_of(password, user)
        if not strength.is_enough:
            raise ValidationError(["This password is easy to guess.", *strength.sentences])

    def get_help_text(self) -> str:
        return "Not easy to guess: a few random words are good."
