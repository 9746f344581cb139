"""The agents app."""

from django.apps import AppConfig


class AgentsConfig(AppConfig):
    """Engines, templates and agents."""

    name = "agents_app"
    verbose_name = "Agents"

    def ready(self) -> None:
        """Put the catalog's templates into their registry."""
        from agents_app import catalog, templates

        for template in catalog.templates():
            templates.register(template)
