from django.apps import AppConfig


class AccessConfig(AppConfig):
    name = "deployhub.access"
    label = "access"
