"""The ASGI application."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "deployhub.config.settings")
_django = get_asgi_application()

from deployhub.doors.threads import threads_kept  # noqa: E402 - after the settings are read

application = threads_kept(_django)
