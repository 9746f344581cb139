"""The monitoring app."""

from django.apps import AppConfig


class MonitoringConfig(AppConfig):
    """Health and probes."""

    name = "monitoring_app"
    verbose_name = "Monitoring"
