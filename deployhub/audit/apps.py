from django.apps import AppConfig
from django.db.models.signals import post_migrate


class AuditConfig(AppConfig):
    name = "deployhub.audit"
    label = "audit"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from deployhub.audit import audited
        from deployhub.audit.services import search_index

        audited.deletion_watch()
        post_migrate.connect(
            search_index.after_migrate, sender=self, dispatch_uid="deployhub.audit.search_index"
        )
