from django.apps import AppConfig


class ConversionConfig(AppConfig):
    name = "deployhub.conversion"
    label = "conversion"
