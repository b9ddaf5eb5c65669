from django.apps import AppConfig


class ToolchainsConfig(AppConfig):
    name = "deployhub.toolchains"
    label = "toolchains"
