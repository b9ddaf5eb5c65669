from django.apps import AppConfig


class PortalConfig(AppConfig):
    name = "deployhub.portal"
    label = "portal"

    def ready(self) -> None:
        from deployhub.portal.metrics import collector_register

        collector_register()
