"""What the doors and the floors above keep in a session, under which names."""

from __future__ import annotations

SESSION_FACTOR = "sign_in_factor"
"""How the sign-in was completed: a value of accounts.vocab.Factor."""
SESSION_SECOND_FACTOR_AT = "second_factor_at"
"""When the strongest proof that the person has (a second factor; the password of who has none) was last shown in this
session: seconds since the epoch, as a float."""
SESSION_STEP_UP_FORM = "step_up_form"
"""A form that waits for a step-up, to be sent again after it."""
SESSION_PREVIEW = "view_as"
"""The role that the session views as: project id, role, and how it is called."""
SESSION_ROW = "session_id"
"""Id of the session's row (accounts.UserSession), which audit events carry."""
