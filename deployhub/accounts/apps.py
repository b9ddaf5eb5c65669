from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "deployhub.accounts"
    label = "accounts"
