"""The access app."""

from django.apps import AppConfig


class AccessConfig(AppConfig):
    """Users, tokens and sign-in links; it also brings the checks of the ground, which is no app of its own."""

    name = "agentsite.access"
    label = "access"
    verbose_name = "Access"

    def ready(self) -> None:
        """Register the system checks."""
        from agentsite.core import checks  # noqa: F401
