"""Static files, without the files that only rebuild them."""

from django.contrib.staticfiles.apps import StaticFilesConfig as _StaticFilesConfig


class StaticFilesConfig(_StaticFilesConfig):
    ignore_patterns = [*_StaticFilesConfig.ignore_patterns, "*.map"]

    def ready(self) -> None:
        super().ready()
        # Without it, a web process would send its wake-ups to Celery's default application, which has no broker.
        from deployhub.config import celery  # noqa: F401
