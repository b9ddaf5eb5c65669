from django.apps import AppConfig


class DoorsConfig(AppConfig):
    name = "deployhub.doors"
    label = "doors"
