from typing import Any

from django.apps import AppConfig
from django.contrib.auth import user_logged_in


def mfa_reset_tell(sender: Any, user: Any, request: Any, **kwargs: Any) -> None:
    """Who signs in while the reset of their second factor waits is told: perhaps they know nothing of it."""
    from django.contrib import messages

    from deployhub.accounts.selectors.resets import mfa_reset_of

    reset = mfa_reset_of(user.pk)
    if reset is not None and request is not None:
        said = f"{reset.requested_by or 'An administrator'} asked that your second factor is reset."
        messages.warning(
            request,
            f"{said} If you know nothing of it, stop it under Account, Second factor.",
            fail_silently=True,
        )


def last_login_note(sender: Any, user: Any, **kwargs: Any) -> None:
    """Django's own receiver saves the user outside any use case; this column is not audited, the sign-in is."""
    from deployhub.kernel.clock import utc_now

    user.last_login = utc_now()
    type(user).objects.filter(pk=user.pk).unaudited_update(last_login=user.last_login)


class AccountsConfig(AppConfig):
    name = "deployhub.accounts"
    label = "accounts"

    def ready(self) -> None:
        import deployhub.accounts.schema  # noqa: F401 - registers itself
        from deployhub.access.step_up import terms_reader_set
        from deployhub.accounts.breached import breached_file_check
        from deployhub.accounts.selectors import step_up_terms

        terms_reader_set(step_up_terms)
        breached_file_check()

        user_logged_in.disconnect(dispatch_uid="update_last_login")
        user_logged_in.connect(last_login_note, dispatch_uid="deployhub.accounts.last_login")
        user_logged_in.connect(mfa_reset_tell, dispatch_uid="deployhub.accounts.mfa_reset")
