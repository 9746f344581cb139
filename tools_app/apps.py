"""The tools app."""

from django.apps import AppConfig


class ToolsConfig(AppConfig):
    """Tools, permissions and what was decided."""

    name = "tools_app"
    verbose_name = "Tools"
