"""The row that proves that the database takes writes."""

from django.db import models
from django.db.models import Q


class HealthMark(models.Model):
    """When a write last worked: the one row that `/health` changes."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    marked_at = models.DateTimeField()

    class Meta:
        constraints = [models.CheckConstraint(name="healthmark_is_one", condition=Q(id=1))]

    def __str__(self) -> str:
        return f"{self.marked_at:%Y-%m-%d %H:%M:%S}"
