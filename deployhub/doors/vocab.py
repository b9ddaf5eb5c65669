"""What the doors and the floors above keep in a session, under which names."""

from __future__ import annotations

SESSION_FACTOR = "sign_in_factor"
"""How the sign-in was completed: a value of accounts.vocab.Factor."""
SESSION_SECOND_FACTOR_AT = "second_factor_at"
"""When a second factor was last shown in this session: seconds since the epoch, as a float."""
