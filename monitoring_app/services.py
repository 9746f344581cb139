"""Every write of this app."""

from datetime import datetime

from django.db import transaction
from django.utils import timezone

from monitoring_app.models import HealthMark


def mark_health() -> datetime:
    """Change the one row of health and commit; returns the time written. Raises what the database raises."""
    now = timezone.now()
    with transaction.atomic():
        HealthMark.objects.update_or_create(id=1, defaults={"marked_at": now})
    return now
