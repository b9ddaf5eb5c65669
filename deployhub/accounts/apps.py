from typing import Any

from django.apps import AppConfig
from django.contrib.auth import user_logged_in


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
