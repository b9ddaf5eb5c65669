from django.apps import AppConfig


class CertificationConfig(AppConfig):
    name = "deployhub.certification"
    label = "certification"
