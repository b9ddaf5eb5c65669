from django.apps import AppConfig


class AuditConfig(AppConfig):
    name = "deployhub.audit"
    label = "audit"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from deployhub.audit import audited

        audited.deletion_watch()
