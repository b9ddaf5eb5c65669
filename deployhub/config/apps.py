"""Static files, without the files that only rebuild them."""

from django.contrib.staticfiles.apps import StaticFilesConfig as _StaticFilesConfig


class StaticFilesConfig(_StaticFilesConfig):
    ignore_patterns = [*_StaticFilesConfig.ignore_patterns, "*.map"]
