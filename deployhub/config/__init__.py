"""Wiring: settings, addresses, ASGI, Celery. No logic."""
