"""What every row has: an id that sorts by time."""

from django.db import models

from agentsite.core.ids import new_id


class BaseModel(models.Model):
    """A row with a UUID version 7 as its key."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)

    class Meta:
        abstract = True
