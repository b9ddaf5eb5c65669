from django.apps import AppConfig


class PortalConfig(AppConfig):
    name = "deployhub.portal"
    label = "portal"
