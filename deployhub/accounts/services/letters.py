"""Letters to people, where a mail server is named."""

from __future__ import annotations

import logging
import smtplib

from django.conf import settings
from django.core.mail import send_mail

log = logging.getLogger(__name__)


def letters_go_out() -> bool:
    """Whether this installation can send mail at all."""
    return bool(settings.EMAIL_HOST)


def letter_send(*, to: str, subject: str, text: str) -> bool:
    """Send one letter. False where there is no server or no address, or the server did not take it."""
    if not letters_go_out() or not to:
        return False
    one_line = " ".join(subject.split())
    try:
        return send_mail(f"{settings.DEPLOYHUB_INSTANCE_NAME}: {one_line}", text, None, [to]) == 1
    except (OSError, smtplib.SMTPException) as error:
        log.warning("A letter was not sent: %s", type(error).__name__)
        return False
