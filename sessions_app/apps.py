"""The sessions app."""

from django.apps import AppConfig


class SessionsConfig(AppConfig):
    """Sessions, runs and the journal. The label keeps apart from Django's own sessions."""

    name = "sessions_app"
    verbose_name = "Sessions"
