"""Old deltas go: the text they spelled is absolute in the event that ended it, so a hole in `seq` is not a loss."""

from collections.abc import Sequence
from uuid import UUID

from django.db import transaction

from sessions_app import faults
from sessions_app.models import Event
from sessions_app.types import DELTAS


def compact_journal(*, subjects: Sequence[UUID]) -> int:
    """Delete the deltas of messages and steps that have ended; returns how many went."""
    with transaction.atomic():
        transaction.on_commit(lambda: faults.point("journal.compact.after"))
        deltas = Event.objects.filter(subject__in=list(subjects), type__in=[str(type_) for type_ in DELTAS])
        deleted, _ = deltas.delete()
        faults.point("journal.compact.before")
    return deleted
