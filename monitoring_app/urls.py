"""Paths of the probes."""

from django.urls import path

from monitoring_app import views

urlpatterns = [
    path("health", views.health_report, name="health"),
    path("livez", views.live, name="live"),
    path("readyz", views.ready, name="ready"),
]
